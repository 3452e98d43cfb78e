"""Tokens of expressions: numbers, commands, words and signs, with a reader that goes through them."""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

MAX_NODES = 160
MAX_DIGITS = 60  # of one number

Tree = tuple[Any, ...]

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


class TokenReader:
    """Goes through the tokens of a text and counts the nodes that are built of them.

    Attributes:
        text: The text, with LaTeX fractions of single digits in braces.
    """

    def __init__(self, text: str) -> None:
        self.text = prepare(text)
        self._tokens = tokenise(self.text)
        self._at = 0
        self._nodes = 0

    def rest(self) -> str:
        """What was not read."""
        return self.text[self._tokens[self._at - 1].end :].strip() if self._at else self.text

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

    def _node(self, tree: Tree) -> Tree:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise UnreadableError
        return tree

    def _split(self, token: Token) -> None:
        """Replace a run of letters by its letters."""
        self._tokens[self._at : self._at + 1] = [
            Token("word", letter, token.start + index, token.start + index + 1)
            for index, letter in enumerate(token.text)
        ]


def prepare(text: str) -> str:
    """Write a cross between numbers as a product, and the operands of fractions in braces."""
    text = _SPACED_CROSS.sub("*", text)
    if "\\frac" in text:
        text = _FRACTION_DIGITS.sub(r"\\frac{\1}{\2}", text)
        text = _FRACTION_FIRST.sub(r"\\frac{\1}", text)
        text = _FRACTION_SECOND.sub(r"\1{\2}", text)
    return text


def number_value(text: str) -> Fraction:
    """The value of a number token."""
    return Fraction(text.replace(",", "").replace(" ", ""))


def tokenise(text: str) -> list[Token]:
    """Cut a text into tokens, up to the first sign that is none."""
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


def repeating_decimal(text: str) -> Fraction:
    r"""The value of `0.1\overline{6}`."""
    whole, _, decimals = text.partition(".")
    fixed, _, repeated = decimals.partition("\\")
    digits = re.sub(r"\D", "", repeated)
    value = Fraction(int(whole or "0")) + (Fraction(int(fixed), 10 ** len(fixed)) if fixed else 0)
    return value + Fraction(int(digits), 10 ** len(fixed) * (10 ** len(digits) - 1))
