"""Tokens of arithmetic inside prose: numbers, operators, brackets, units and words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?|\.[0-9]+)
     |(?P<cross>[xX](?=\s*[$€£]?\s*[0-9.(]|\s+-[0-9]))
     |(?P<word>[^\W\d_]+(?:['’-][^\W\d_]+)*)
     |(?P<equals>(?<![<>!=:~])=(?![=>])|≈)
     |(?P<operator>[-+*/×÷·∗−–])
     |(?P<open>[(\[])|(?P<close>[)\]])
     |(?P<percent>%)
     |(?P<currency>[$€£¥])
     |(?P<other>\S)
    )""",
    re.VERBOSE,
)
_SYMBOL = {"×": "*", "·": "*", "∗": "*", "x": "*", "X": "*", "÷": "/", "−": "-", "–": "-"}
_WORD_OPERATOR = {"times": "*", "plus": "+", "minus": "-", "x": "*"}
_UNIT_LETTERS = frozenset("mglsh")
_LATEX = (
    (re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}"), r"(\1)/(\2)"),
    (re.compile(r"\\(?:times|cdot)\b"), "*"),
    (re.compile(r"\\div\b"), "/"),
    (re.compile(r"\\(?:text|mathrm|mathbf)\s*\{([^{}]*)\}"), r" \1 "),
    (re.compile(r"\\([$%])"), r"\1"),
    (re.compile(r"\\[()\[\],;:! ]|\\(?:left|right|quad)\b"), " "),
    (re.compile(r"(?<=\d)\*\*(?=\d)"), "^"),
    (re.compile(r"\*\*|__|`"), " "),
)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a text.

    Attributes:
        kind: number, word, equals, operator, open, close, percent, currency or other.
        text: It; an operator as one of `+ - * /`.
        start: Where it begins in the text without LaTeX.
        end: The index after it.
    """

    kind: str
    text: str
    start: int
    end: int


def tokenise(text: str) -> list[Token]:
    """Return the tokens of a text, LaTeX read as plain arithmetic."""
    for pattern, plain in _LATEX:
        text = pattern.sub(plain, text)
    tokens = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "other"
        word, start, end = match[kind], match.start(kind), match.end(kind)
        if kind == "cross" or (kind == "word" and word.lower() in _WORD_OPERATOR and word not in "xX"):
            kind, word = "operator", _WORD_OPERATOR[word.lower()]
        elif kind == "operator":
            word = _SYMBOL.get(word, word)
        tokens.append(Token(kind, word, start, end))
    return tokens


def number_of(text: str) -> Fraction:
    """Return the value of a number's text, exactly."""
    return Fraction(text.replace(",", ""))


def names_variable(tokens: Sequence[Token], position: int) -> bool:
    """Whether the word at `position` is the name of an unknown, not a unit or an article."""
    token = tokens[position]
    if len(token.text) != 1:
        return False
    glued = position > 0 and tokens[position - 1].end == token.start
    return glued or (token.text not in _UNIT_LETTERS and token.text not in "aAI")


def is_glued(tokens: Sequence[Token], position: int) -> bool:
    """Whether the next token follows without a space."""
    return position + 1 < len(tokens) and tokens[position].end == tokens[position + 1].start
