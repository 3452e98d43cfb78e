r"""Expressions: a tokenizer and a recursive-descent parser for arithmetic and algebra, written plainly or in LaTeX.

    sum     := product (("+" | "-" | "\pm") product)*
    product := power (("*" | "/" | nothing) power)*
    power   := prefix postfix* ["^" exponent]

The result is a tree of tuples: `("n", value, places)`, `("s", symbol)`, `("c", constant)`, `("add" | "mul" | "div" | "pow",
left, right)`, `("neg", inner)`, `("f", name, *arguments)`, `("pm", left, right)`. Nothing is executed, and nothing beyond
the limits is read.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

MAX_LENGTH = 400
MAX_DEPTH = 24
MAX_NODES = 160
MAX_DIGITS = 60  # of one number

Tree = tuple[Any, ...]

_FUNCTION_NAMES = """
sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh ln log exp lg gcd lcm max min floor ceil abs det
"""
FUNCTIONS = frozenset(_FUNCTION_NAMES.split())
_ALIASES = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "ceiling": "ceil", "tg": "tan", "ctg": "cot"}
_GREEK_LETTERS = """
alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho sigma tau upsilon phi
varphi chi psi omega Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega ell
"""
_GREEK = frozenset(_GREEK_LETTERS.split())
_INFINITY = frozenset({"infty", "infinity", "inf", "oo"})
_NO_FACTORS = """
and or not is the if of in to for at on per cm km mm kg mg ml ft lb oz hr min sec am pm an so we
"""
_STOP = frozenset(_NO_FACTORS.split())

_NUMBER = r"""[1-9][0-9]{0,2}(?:,[0-9]{3})+(?![0-9])(?:\.[0-9]+)?|[1-9][0-9]{0,2}(?:\ [0-9]{3})+(?![0-9])(?:\.[0-9]+)?
    |[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]{1,4}(?![A-Za-z0-9]))|[0-9]+(?:\.[0-9]+)?|\.[0-9]+"""
_TOKEN = re.compile(
    rf"""\s*(?:
      (?P<repeat>[0-9]*\.[0-9]*\\(?:overline|bar|dot)\s*\{{\s*[0-9]+\s*\}})
     |(?P<number>{_NUMBER})(?P<dots>\s*(?:\.\.\.|…|\\[lc]?dots(?![A-Za-z])))?
     |(?P<command>\\[A-Za-z]+|\\[{{}}|])
     |(?P<word>[A-Za-z]+)
     |(?P<sign>[-+*/^_!'|()\[\]{{}},%°])
    )""",
    re.VERBOSE,
)
_FRACTION_DIGITS = re.compile(r"\\frac\s*(\d)\s*(\d)")
_FRACTION_FIRST = re.compile(r"\\frac\s*(\d)\s*(?=\{)")
_FRACTION_SECOND = re.compile(r"(\\frac\s*\{(?:[^{}]|\{[^{}]*\})*\})\s*(\d)")
_SPACED_CROSS = re.compile(r"(?<=[\d)}])\s*[xX]\s*(?=10\s*\^)|(?<=\d)\s+[xX]\s+(?=\d)")


class UnreadableError(Exception):
    """The text at hand is no expression, or one beyond the limits."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token with its place in the text."""

    kind: str
    text: str
    start: int
    end: int


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
    text = _prepare(text)
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


def _prepare(text: str) -> str:
    text = _SPACED_CROSS.sub("*", text)
    if "\\frac" in text:
        text = _FRACTION_DIGITS.sub(r"\\frac{\1}{\2}", text)
        text = _FRACTION_FIRST.sub(r"\\frac{\1}", text)
        text = _FRACTION_SECOND.sub(r"\1{\2}", text)
    return text


def number_value(text: str) -> Fraction:
    """The value of a number token."""
    return Fraction(text.replace(",", "").replace(" ", ""))


class _Parser:
    def __init__(self, text: str, tight_slash: bool) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._at = 0
        self._nodes = 0
        self._tight = tight_slash
        self._bars = 0
        self.ambiguous = False

    def rest(self) -> str:
        """What was not read."""
        return self._text[self._tokens[self._at - 1].end :].strip() if self._at else self._text

    # tokens

    def _peek(self, ahead: int = 0) -> Token | None:
        index = self._at + ahead
        return self._tokens[index] if index < len(self._tokens) else None

    def _is(self, text: str, ahead: int = 0) -> bool:
        token = self._peek(ahead)
        return token is not None and token.text == text

    def _take(self, text: str) -> bool:
        if self._is(text):
            self._at += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise UnreadableError

    def _made(self, tree: Tree) -> Tree:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise UnreadableError
        return tree

    # grammar

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
            left = self._made(("add", left, ("neg", right)) if kind == "sub" else (kind, left, right))

    def _signed(self, depth: int) -> Tree:
        if self._take("-"):
            return self._made(("neg", self._signed(depth + 1)))
        if self._take("+"):
            return self._signed(depth + 1)
        if self._take("\\pm"):
            return self._made(("pm", ("n", Fraction(0), None), self._product(depth)))
        return self._product(depth)

    def _product(self, depth: int) -> Tree:
        left = self._power(depth)
        slashed = False
        while True:
            mark = self._at
            try:
                if self._take("*"):
                    left, slashed = self._made(("mul", left, self._factor(depth))), False
                elif self._is("/"):
                    self._at += 1
                    left, slashed = self._made(("div", left, self._denominator(depth))), True
                elif self._joins():
                    if slashed and not self._is("("):
                        self.ambiguous = True
                    left = self._made(("mul", left, self._power(depth)))
                else:
                    return left
            except UnreadableError:
                if depth:
                    raise
                self._at = mark
                return left

    def _factor(self, depth: int) -> Tree:
        if self._take("-"):
            return self._made(("neg", self._factor(depth + 1)))
        return self._power(depth)

    def _denominator(self, depth: int) -> Tree:
        if self._take("-"):
            return self._made(("neg", self._denominator(depth + 1)))
        below = self._power(depth)
        if self._tight:
            while self._joins() and not self._is("("):
                self.ambiguous = True
                below = self._made(("mul", below, self._power(depth)))
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
            return name in FUNCTIONS or name in _GREEK or name in _INFINITY or name in (
                "frac", "sqrt", "pi", "binom", "lfloor", "lceil", "tbinom", "dbinom", "e", "i")  # fmt: skip
        if token.kind == "word":
            return self._letters(token, before)
        return False

    def _letters(self, token: Token, before: Token) -> bool:
        """Whether a run of letters may be factors: not a word."""
        name = token.text
        if name in FUNCTIONS or name in _ALIASES or name in ("pi", "sqrt"):
            return True
        spaced = before.end < token.start
        if len(name) == 1:
            following = self._peek(1)
            beside_word = following is not None and following.kind == "word" and following.start > token.end
            return not (spaced and (name in "aI" and beside_word))
        return len(name) <= 3 and name not in _STOP and not spaced and name.isalpha()

    def _power(self, depth: int) -> Tree:
        base = self._postfix(self._prefix(depth), depth)
        if self._take("^"):
            exponent = self._exponent(depth + 1)
            base = self._postfix(self._made(("pow", base, exponent)), depth)
        return base

    def _postfix(self, tree: Tree, depth: int) -> Tree:
        while True:
            if self._is("!") and not self._is("!", 1):
                self._at += 1
                tree = self._made(("f", "factorial", tree))
            elif self._is("%") and depth:
                self._at += 1
                tree = self._made(("div", tree, ("n", Fraction(100), None)))
            elif self._is("°") and depth:
                self._at += 1
                tree = self._made(("f", "deg", tree))
            else:
                return tree

    def _exponent(self, depth: int) -> Tree:
        if self._take("{"):
            inner = self.sum(depth + 1)
            self._expect("}")
            return inner
        if self._take("-"):
            return self._made(("neg", self._exponent(depth + 1)))
        self._take("+")
        token = self._peek()
        if token is not None and token.kind == "word" and len(token.text) > 1 and token.text not in FUNCTIONS:
            self._split(token)
        base = self._prefix(depth)
        if self._take("^"):
            return self._made(("pow", base, self._exponent(depth + 1)))
        return base

    def _split(self, token: Token) -> None:
        """Replace a run of letters by its letters."""
        self._tokens[self._at : self._at + 1] = [
            Token("word", letter, token.start + index, token.start + index + 1)
            for index, letter in enumerate(token.text)
        ]

    def _prefix(self, depth: int) -> Tree:
        token = self._peek()
        if token is None or depth > MAX_DEPTH:
            raise UnreadableError
        if token.kind in ("number", "repeat", "rounded"):
            return self._number()
        if token.text in "({[" or token.text == "\\{":
            return self._bracket(depth)
        if token.text == "|" or token.text == "\\|":
            self._at += 1
            self._bars += 1
            inner = self.sum(depth + 1)
            self._expect(token.text)
            self._bars -= 1
            return self._made(("f", "abs", inner))
        if token.kind == "command":
            return self._command(token, depth)
        if token.kind == "word":
            return self._word(token, depth)
        raise UnreadableError

    def _bracket(self, depth: int) -> Tree:
        opened = self._tokens[self._at].text
        self._at += 1
        bars, self._bars = self._bars, 0
        inner = self.sum(depth + 1)
        self._bars = bars
        self._expect({"(": ")", "[": "]", "{": "}"}.get(opened, "\\}"))
        return inner

    def _number(self) -> Tree:
        token = self._tokens[self._at]
        self._at += 1
        if sum(map(str.isdigit, token.text)) > MAX_DIGITS:
            raise UnreadableError
        if token.kind == "repeat":
            return self._made(("n", _repeating(token.text), None))
        value = number_value(token.text)
        mantissa = re.split("[eE]", token.text)[0]
        places: int | None = len(mantissa.partition(".")[2]) if "." in mantissa else None
        if token.kind == "rounded":
            places = places or 0
        whole = places is None and "e" not in token.text.lower()
        following = self._peek()
        if following is not None and following.kind == "number":
            return self._mixed(token, value, whole)
        if (
            whole
            and following is not None
            and following.text == "\\frac"
            and (part := self._proper_fraction()) is not None
        ):
            return self._made(("n", value + part, None))
        return self._made(("n", value, places))

    def _mixed(self, token: Token, value: Fraction, whole: bool) -> Tree:
        """Read `3 1/2`; other numbers side by side are not read."""
        top, slash, bottom = self._peek(), self._peek(1), self._peek(2)
        if not (whole and top and slash and bottom and slash.text == "/" and bottom.kind == "number"):
            raise UnreadableError
        if not (top.text.isdigit() and bottom.text.isdigit() and 0 < int(top.text) < int(bottom.text)):
            raise UnreadableError
        self._at += 3
        return self._made(("n", value + Fraction(int(top.text), int(bottom.text)), None))

    def _proper_fraction(self) -> Fraction | None:
        r"""Read `\frac{1}{2}` behind a whole number as part of a mixed number; None when it has letters."""
        texts = [token.text for token in self._tokens[self._at : self._at + 7]]
        if len(texts) < 7 or texts[1] != "{" or texts[3:5] != ["}", "{"] or texts[6] != "}":
            return None
        if not (texts[2].isdigit() and texts[5].isdigit()):
            return None
        top, bottom = int(texts[2]), int(texts[5])
        if not 0 < top < bottom:
            raise UnreadableError
        self._at += 7
        return Fraction(top, bottom)

    def _command(self, token: Token, depth: int) -> Tree:
        name = token.text[1:]
        if name in FUNCTIONS or name in _ALIASES:
            return self._function(_ALIASES.get(name, name), depth)
        self._at += 1
        if name == "frac":
            return self._made(("div", self._group(depth), self._group(depth)))
        if name in ("binom", "tbinom", "dbinom"):
            return self._made(("f", "binom", self._group(depth), self._group(depth)))
        if name == "sqrt":
            return self._root(depth)
        if name in ("lfloor", "lceil"):
            inner = self.sum(depth + 1)
            self._expect("\\rfloor" if name == "lfloor" else "\\rceil")
            return self._made(("f", "floor" if name == "lfloor" else "ceil", inner))
        if name == "pi":
            return self._made(("c", "pi"))
        if name in _INFINITY:
            return self._made(("c", "inf"))
        if name in ("e", "i"):
            return self._made(("c", name))
        if name in _GREEK:
            return self._symbol("\\" + name)
        raise UnreadableError

    def _root(self, depth: int) -> Tree:
        index: Tree = ("n", Fraction(2), None)
        if self._take("["):
            index = self.sum(depth + 1)
            self._expect("]")
        token = self._peek()
        if token is not None and token.kind in ("number", "word") and len(token.text) > 1 and token.kind == "word":
            self._split(token)
        inner = self._group(depth) if self._is("{") else self._prefix(depth + 1)
        half: Tree = ("div", ("n", Fraction(1), None), index)
        return self._made(("f", "sqrt", inner) if index == ("n", Fraction(2), None) else ("pow", inner, half))

    def _group(self, depth: int) -> Tree:
        if self._take("{"):
            inner = self.sum(depth + 1)
            self._expect("}")
            return inner
        token = self._peek()
        if token is not None and (token.kind == "command" or (token.kind == "word" and len(token.text) == 1)):
            return self._prefix(depth + 1)
        raise UnreadableError

    def _word(self, token: Token, depth: int) -> Tree:
        name = token.text
        lower = name.lower()
        if lower in FUNCTIONS or lower in _ALIASES:
            following = self._peek(1)
            if following is None or (
                following.text not in ("(", "^", "_", "{") and following.kind not in ("number", "word")
            ):
                raise UnreadableError
            return self._function(_ALIASES.get(lower, lower), depth)
        if lower == "sqrt":
            self._at += 1
            return self._root(depth)
        if lower == "pi" or lower in _INFINITY:
            self._at += 1
            return self._made(("c", "pi" if lower == "pi" else "inf"))
        if len(name) > 1:
            if name in _STOP or len(name) > 3:
                raise UnreadableError
            self._split(token)
            name = self._tokens[self._at].text
        self._at += 1
        if name in ("e", "i") and not self._is("_"):
            return self._made(("c", name))
        return self._symbol(name)

    def _symbol(self, name: str) -> Tree:
        """Read a symbol with its index and primes."""
        if self._take("_"):
            name += "_" + self._index()
        while self._take("'"):
            name += "'"
        return self._made(("s", name))

    def _index(self) -> str:
        if self._take("{"):
            index = ""
            while not self._take("}"):
                token = self._peek()
                if token is None or len(index) > 12:
                    raise UnreadableError
                index += token.text
                self._at += 1
            return index
        token = self._peek()
        if token is None or token.kind not in ("number", "word"):
            raise UnreadableError
        self._at += 1
        return token.text

    def _function(self, name: str, depth: int) -> Tree:
        self._at += 1
        base: Tree | None = None
        exponent: Tree | None = None
        if self._take("_"):
            base = self._group(depth) if self._is("{") else self._index_of_log(depth)
        if self._take("^"):
            exponent = self._exponent(depth + 1)
            if exponent == ("neg", ("n", Fraction(1), None)) and name in ("sin", "cos", "tan"):
                name, exponent = "arc" + name, None
        arguments = self._arguments(depth)
        if name in ("log", "ln", "lg") and base is not None:
            tree = self._made(("div", ("f", "ln", *arguments), ("f", "ln", base)))
        else:
            tree = self._made(("f", name, *arguments))
        return self._made(("pow", tree, exponent)) if exponent is not None else tree

    def _index_of_log(self, depth: int) -> Tree:
        """Read the base of a logarithm without braces; a number behind it is the argument."""
        token = self._peek()
        if token is not None and token.kind == "number":
            self._at += 1
            return self._made(("n", number_value(token.text), None))
        return self._prefix(depth + 1)

    def _arguments(self, depth: int) -> list[Tree]:
        if self._is("(") or self._is("{"):
            closed = ")" if self._tokens[self._at].text == "(" else "}"
            self._at += 1
            arguments = [self.sum(depth + 1)]
            while self._take(","):
                arguments.append(self.sum(depth + 1))
            self._expect(closed)
            return arguments
        argument = self._power(depth + 1)
        while True:  # sin 2x is sin(2x), but sin x cos x and sin x (y) are products
            token = self._peek()
            if token is None or not self._joins() or token.text in ("(", "{", "|"):
                break
            if token.text.lstrip("\\") in FUNCTIONS:
                break
            argument = self._made(("mul", argument, self._power(depth + 1)))
        return [argument]


def _tokens(text: str) -> list[Token]:
    tokens = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            break
        kind = next(kind for kind in ("repeat", "number", "command", "word", "sign") if match[kind] is not None)
        start, end = match.start(kind), match.end()
        tokens.append(Token("rounded" if match["dots"] else kind, match[kind], start, end))
        position = end
    return tokens


def _repeating(text: str) -> Fraction:
    r"""The value of `0.1\overline{6}`."""
    whole, _, decimals = text.partition(".")
    fixed, _, repeated = decimals.partition("\\")
    digits = re.sub(r"\D", "", repeated)
    value = Fraction(int(whole or "0")) + (Fraction(int(fixed), 10 ** len(fixed)) if fixed else 0)
    return value + Fraction(int(digits), 10 ** len(fixed) * (10 ** len(digits) - 1))
