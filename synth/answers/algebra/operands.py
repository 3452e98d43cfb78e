"""Operands of expressions: numbers, brackets, commands, functions and symbols, which stand between signs."""

import re
from abc import ABC, abstractmethod
from fractions import Fraction

from synth.answers.algebra.tokens import (
    MAX_DIGITS,
    Token,
    TokenReader,
    Tree,
    UnreadableError,
    number_value,
    repeating_decimal,
)

MAX_DEPTH = 24

_FUNCTION_NAMES = """
sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh ln log exp lg gcd lcm max min floor ceil abs det
"""
FUNCTIONS = frozenset(_FUNCTION_NAMES.split())
ALIASES = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "ceiling": "ceil", "tg": "tan", "ctg": "cot"}
_GREEK_LETTERS = """
alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho sigma tau upsilon phi
varphi chi psi omega Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega ell
"""
GREEK = frozenset(_GREEK_LETTERS.split())
INFINITY = frozenset({"infty", "infinity", "inf", "oo"})
_NO_FACTOR_WORDS = """
and or not is the if of in to for at on per cm km mm kg mg ml ft lb oz hr min sec am pm an so we
"""
NO_FACTORS = frozenset(_NO_FACTOR_WORDS.split())


class OperandReader(TokenReader, ABC):
    """Reads what stands between signs; what stands in brackets is a whole expression again."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._bars = 0

    @abstractmethod
    def sum(self, depth: int) -> Tree:
        """Read a whole expression."""

    @abstractmethod
    def _joins(self) -> bool:
        """Whether the next token goes on with a product that has no sign."""

    @abstractmethod
    def _power(self, depth: int) -> Tree:
        """Read an operand with its exponent."""

    @abstractmethod
    def _exponent(self, depth: int) -> Tree:
        """Read what stands behind a sign of power."""

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
            return self._node(("f", "abs", inner))
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
            return self._node(("n", repeating_decimal(token.text), None))
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
            return self._node(("n", value + part, None))
        return self._node(("n", value, places))

    def _mixed(self, token: Token, value: Fraction, whole: bool) -> Tree:
        """Read `3 1/2`; other numbers side by side are not read."""
        top, slash, bottom = self._peek(), self._peek(1), self._peek(2)
        if not (whole and top and slash and bottom and slash.text == "/" and bottom.kind == "number"):
            raise UnreadableError
        if not (top.text.isdecimal() and bottom.text.isdecimal() and 0 < int(top.text) < int(bottom.text)):
            raise UnreadableError
        self._at += 3
        return self._node(("n", value + Fraction(int(top.text), int(bottom.text)), None))

    def _proper_fraction(self) -> Fraction | None:
        r"""Read `\frac{1}{2}` behind a whole number as part of a mixed number; None when it has letters."""
        texts = [token.text for token in self._tokens[self._at : self._at + 7]]
        if len(texts) < 7 or texts[1] != "{" or texts[3:5] != ["}", "{"] or texts[6] != "}":
            return None
        if not (texts[2].isdecimal() and texts[5].isdecimal()):
            return None
        top, bottom = int(texts[2]), int(texts[5])
        if not 0 < top < bottom:
            raise UnreadableError
        self._at += 7
        return Fraction(top, bottom)

    def _command(self, token: Token, depth: int) -> Tree:
        name = token.text[1:]
        if name in FUNCTIONS or name in ALIASES:
            return self._function(ALIASES.get(name, name), depth)
        self._at += 1
        if name == "frac":
            return self._node(("div", self._group(depth), self._group(depth)))
        if name in ("binom", "tbinom", "dbinom"):
            return self._node(("f", "binom", self._group(depth), self._group(depth)))
        if name == "sqrt":
            return self._root(depth)
        if name in ("lfloor", "lceil"):
            inner = self.sum(depth + 1)
            self._expect("\\rfloor" if name == "lfloor" else "\\rceil")
            return self._node(("f", "floor" if name == "lfloor" else "ceil", inner))
        if name == "pi":
            return self._node(("c", "pi"))
        if name in INFINITY:
            return self._node(("c", "inf"))
        if name in ("e", "i"):
            return self._node(("c", name))
        if name in GREEK:
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
        return self._node(("f", "sqrt", inner) if index == ("n", Fraction(2), None) else ("pow", inner, half))

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
        if lower in FUNCTIONS or lower in ALIASES:
            following = self._peek(1)
            if following is None or (
                following.text not in ("(", "^", "_", "{") and following.kind not in ("number", "word")
            ):
                raise UnreadableError
            return self._function(ALIASES.get(lower, lower), depth)
        if lower == "sqrt":
            self._at += 1
            return self._root(depth)
        if lower == "pi" or lower in INFINITY:
            self._at += 1
            return self._node(("c", "pi" if lower == "pi" else "inf"))
        if len(name) > 1:
            if name in NO_FACTORS or len(name) > 3:
                raise UnreadableError
            self._split(token)
            name = self._tokens[self._at].text
        self._at += 1
        if name in ("e", "i") and not self._is("_"):
            return self._node(("c", name))
        return self._symbol(name)

    def _symbol(self, name: str) -> Tree:
        """Read a symbol with its index and primes."""
        if self._take("_"):
            name += "_" + self._index()
        while self._take("'"):
            name += "'"
        return self._node(("s", name))

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
            tree = self._node(("div", ("f", "ln", *arguments), ("f", "ln", base)))
        else:
            tree = self._node(("f", name, *arguments))
        return self._node(("pow", tree, exponent)) if exponent is not None else tree

    def _index_of_log(self, depth: int) -> Tree:
        """Read the base of a logarithm without braces; a number behind it is the argument."""
        token = self._peek()
        if token is not None and token.kind == "number":
            self._at += 1
            return self._node(("n", number_value(token.text), None))
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
            argument = self._node(("mul", argument, self._power(depth + 1)))
        return [argument]
