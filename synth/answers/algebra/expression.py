r"""Expressions: a recursive-descent parser for arithmetic and algebra, written plainly or in LaTeX.

    sum     := product (("+" | "-" | "\pm") product)*
    product := power (("*" | "/" | nothing) power)*
    power   := prefix postfix* ["^" exponent]

The result is a tree of tuples: `("n", value, places)`, `("s", symbol)`, `("c", constant)`, `("add" | "mul" | "div" | "pow",
left, right)`, `("neg", inner)`, `("f", name, *arguments)`, `("pm", left, right)`. Nothing is executed, and nothing beyond
the limits is read.
"""

from dataclasses import dataclass
from fractions import Fraction

from synth.answers.algebra.operands import ALIASES, FUNCTIONS, GREEK, INFINITY, MAX_DEPTH, NO_FACTORS, OperandReader
from synth.answers.algebra.tokens import Token, Tree, UnreadableError

MAX_LENGTH = 400

__all__ = ["MAX_LENGTH", "Read", "Tree", "read_expression", "whole_expression"]


@dataclass(frozen=True, slots=True)
class Read:
    """An expression at the beginning of a text.

    Attributes:
        tree: The expression.
        rest: What follows it.
        ambiguous: Whether `a/bc` occurs, which some read as `a/(bc)` and some as `(a/b)c`.
    """

    tree: Tree
    rest: str
    ambiguous: bool = False


def read_expression(text: str, *, tight_slash: bool = False) -> Read | None:
    """Read the longest expression at the beginning of a tidy text; None when there is none.

    Args:
        text: A text as `typography.tidy` leaves it.
        tight_slash: Whether `a/bc` is `a/(bc)`.
    """
    if len(text) > MAX_LENGTH:
        return None
    try:
        parser = _Parser(text, tight_slash)
        tree = parser.sum(0)
    except UnreadableError:
        return None
    return Read(tree, parser.rest(), parser.ambiguous)


def whole_expression(text: str, *, tight_slash: bool = False) -> Tree | None:
    """Read a text that is one expression and nothing else."""
    read = read_expression(text, tight_slash=tight_slash)
    return read.tree if read is not None and not read.rest else None


class _Parser(OperandReader):
    """Reads the signs between operands, and products without a sign.

    Attributes:
        ambiguous: Whether `a/bc` was read.
    """

    def __init__(self, text: str, tight_slash: bool) -> None:
        super().__init__(text)
        self._tight = tight_slash
        self.ambiguous = False

    def sum(self, depth: int) -> Tree:
        """Read terms joined by signs."""
        if depth > MAX_DEPTH:
            raise UnreadableError
        left = self._signed(depth)
        while True:
            mark = self._at
            if self._take("+"):
                kind = "add"
            elif self._take("-"):
                kind = "sub"
            elif self._take("\\pm") or self._take("\\mp"):
                kind = "pm"
            else:
                return left
            try:
                right = self._signed(depth)
            except UnreadableError:
                if depth:
                    raise
                self._at = mark
                return left
            left = self._node(("add", left, ("neg", right)) if kind == "sub" else (kind, left, right))

    def _signed(self, depth: int) -> Tree:
        if self._take("-"):
            return self._node(("neg", self._signed(depth + 1)))
        if self._take("+"):
            return self._signed(depth + 1)
        if self._take("\\pm"):
            return self._node(("pm", ("n", Fraction(0), None), self._product(depth)))
        return self._product(depth)

    def _product(self, depth: int) -> Tree:
        left = self._power(depth)
        slashed = False
        while True:
            mark = self._at
            try:
                if self._take("*"):
                    left, slashed = self._node(("mul", left, self._factor(depth))), False
                elif self._is("/"):
                    self._at += 1
                    left, slashed = self._node(("div", left, self._denominator(depth))), True
                elif self._joins():
                    if slashed and not self._is("("):
                        self.ambiguous = True
                    left = self._node(("mul", left, self._power(depth)))
                else:
                    return left
            except UnreadableError:
                if depth:
                    raise
                self._at = mark
                return left

    def _factor(self, depth: int) -> Tree:
        if self._take("-"):
            return self._node(("neg", self._factor(depth + 1)))
        return self._power(depth)

    def _denominator(self, depth: int) -> Tree:
        if self._take("-"):
            return self._node(("neg", self._denominator(depth + 1)))
        below = self._power(depth)
        if self._tight:
            while self._joins() and not self._is("("):
                self.ambiguous = True
                below = self._node(("mul", below, self._power(depth)))
        return below

    def _joins(self) -> bool:
        """Whether the next token goes on with a product that has no sign."""
        token, before = self._peek(), self._tokens[self._at - 1]
        if token is None:
            return False
        if token.kind == "number":
            return before.text in (")", "]") or (before.text == "}" and before.end <= token.start)
        if token.text in ("(", "{"):
            return True
        if token.text == "[":
            return before.text in (")", "]")
        if token.text == "|":
            return self._bars == 0
        if token.kind == "command":
            name = token.text[1:]
            return name in FUNCTIONS or name in GREEK or name in INFINITY or name in (
                "frac", "sqrt", "pi", "binom", "lfloor", "lceil", "tbinom", "dbinom", "e", "i")  # fmt: skip
        if token.kind == "word":
            return self._letters(token, before)
        return False

    def _letters(self, token: Token, before: Token) -> bool:
        """Whether a run of letters may be factors: not a word."""
        name = token.text
        if name in FUNCTIONS or name in ALIASES or name in ("pi", "sqrt"):
            return True
        spaced = before.end < token.start
        if len(name) == 1:
            following = self._peek(1)
            beside_word = following is not None and following.kind == "word" and following.start > token.end
            return not (spaced and (name in "aI" and beside_word))
        return len(name) <= 3 and name not in NO_FACTORS and not spaced and name.isalpha()

    def _power(self, depth: int) -> Tree:
        base = self._postfix(self._prefix(depth), depth)
        if self._take("^"):
            exponent = self._exponent(depth + 1)
            base = self._postfix(self._node(("pow", base, exponent)), depth)
        return base

    def _postfix(self, tree: Tree, depth: int) -> Tree:
        while True:
            if self._is("!") and not self._is("!", 1):
                self._at += 1
                tree = self._node(("f", "factorial", tree))
            elif self._is("%") and depth:
                self._at += 1
                tree = self._node(("div", tree, ("n", Fraction(100), None)))
            elif self._is("°") and depth:
                self._at += 1
                tree = self._node(("f", "deg", tree))
            else:
                return tree

    def _exponent(self, depth: int) -> Tree:
        if self._take("{"):
            inner = self.sum(depth + 1)
            self._expect("}")
            return inner
        if self._take("-"):
            return self._node(("neg", self._exponent(depth + 1)))
        self._take("+")
        token = self._peek()
        if token is not None and token.kind == "word" and len(token.text) > 1 and token.text not in FUNCTIONS:
            self._split(token)
        base = self._prefix(depth)
        if self._take("^"):
            return self._node(("pow", base, self._exponent(depth + 1)))
        return base
