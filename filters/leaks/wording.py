r"""One wording for problems that say the same in other words: number words, percent, fractions, LaTeX and HTML signs.

    twenty-five, 25            25
    half of, 50% of, 1/2 of    1/2
    7 x 6, $7 \times 6$         7 * 6

`one_wording` is what benchmark items are compared in. `skeleton` is coarser: all that `one_wording` may change is one
`MASK` in it, so that a quick look can be had by hashes alone (`filters.leaks.screen`).
"""

import html
import re
from collections.abc import Sequence
from fractions import Fraction

from filters.text import CARDINALS, MASK, NUMBER_WORDS

_TENS = {
    word: 10 * number
    for number, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)  # noqa: SIM905
}
_SMALL = {word: int(digits) for word, digits in CARDINALS.items()} | _TENS
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9}
_GROUPS = {"dozen": 12, "hundred": 100, **_SCALES}
_PARTS = {"half": 2, "third": 3, "fourth": 4, "quarter": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8,
          "ninth": 9, "tenth": 10, "halve": 2}  # fmt: skip
_PARTS |= {f"{word}s": parts for word, parts in _PARTS.items()}
_PERCENT = frozenset({"%", "percent", "pct"})
_LARGEST_PART = 100
"""`1/100` is read as a part, `1/365` as a division. Our own choice."""
_SIGNS = frozenset("+-*/=^<>")
OPERATORS = {"x": "*", "times": "*", "plus": "+", "minus": "-"}
"""Words that are signs between two numbers."""

NUMBERS = NUMBER_WORDS | _PARTS.keys() | _PERCENT
"""Tokens, besides numbers in digits, that may be part of a number."""
_FIRST = _SMALL.keys() | {"a", "an", "half", "halves"}
"""Words that a number may begin with."""
_NEXT = {*_PARTS, *_GROUPS, *_PERCENT, *OPERATORS, "divided", "per", "/", "and"}
"""Words behind a number that may change how it is written, or that it is followed by a sign."""
JOINTS = frozenset({"a", "an", "and", "of", "/", "per", "cent", "divided", "by"})
"""Tokens that a number may swallow."""

_LATEX = {
    "times": "*", "cdot": "*", "ast": "*", "div": "/", "pm": "+", "le": "<", "leq": "<", "ge": ">", "geq": ">",
    "lt": "<", "gt": ">", "%": "%", "$": "", "left": "", "right": "", ",": " ", ";": " ", "!": "", "quad": " ",
    "text": "", "mathrm": "", "textbf": "", "mathbf": "",
}  # fmt: skip
_FRACTION = re.compile(r"\\[dt]?frac\s*(?:\{([^{}]*)\}|(\d))\s*(?:\{([^{}]*)\}|(\d))")
_COMMAND = re.compile(r"\\([A-Za-z]+|[%$,;!])")


def without_markup(text: str) -> str:
    r"""Return a text with its LaTeX commands (`\times`, `\frac{1}{2}`, `\%`) and HTML entities as plain signs."""
    if "&" in text:
        text = html.unescape(text)
    if "\\" in text:
        text = _FRACTION.sub(lambda match: f" {match[1] or match[2]}/{match[3] or match[4]} ", text)
        text = _COMMAND.sub(lambda match: f" {_LATEX[match[1]]} " if match[1] in _LATEX else match[0], text)
    return text


def one_wording(tokens: Sequence[str]) -> list[str]:
    """Return tokens with every number in one form, and operators in words as signs.

    A number is an integer or a reduced fraction: `3/4` for `three quarters`, `75 %`, `0.75`. `of` behind a part
    (`half of the money`) goes; `x`, `times`, `plus`, `minus`, `divided by` are signs between two numbers only.
    """
    out: list[str] = []
    at = 0
    while at < len(tokens):
        token, following = tokens[at], tokens[at + 1] if at + 1 < len(tokens) else ""
        simple = token.isdigit() and token[0] != "0" and following not in _NEXT
        if simple or not (token in _FIRST or token[0].isdigit() or token[0] == "."):
            out.append(token)
            at += 1
            continue
        value, end, part = _number(tokens, at)
        if value is None:
            out.append(tokens[at])
            at += 1
            continue
        out.append(str(value))
        at = end
        if part and at < len(tokens) and tokens[at] == "of":
            at += 1
        sign, end = _operator(tokens, at)
        if sign and end < len(tokens) and _number(tokens, end)[0] is not None:
            out.append(sign)
            at = end
    return out


def skeleton(tokens: Sequence[str], *, whole: bool = True) -> list[str]:
    """Return tokens with every stretch of numbers, and of what a number may swallow, as one `MASK`.

    Equal for a text and its `one_wording`. Of a run of tokens (`whole=False`) its edges are left out where they would
    look different inside a longer text.
    """
    out: list[str] = []
    at = 0
    while at < len(tokens):
        end = at
        while end < len(tokens) and (is_number(tokens[end]) or tokens[end] in JOINTS):
            end += 1
        stretch = tokens[at:end]
        if any(map(is_number, stretch)):
            out.append(MASK)
        elif whole or (at > 0 and end < len(tokens)):
            out += stretch
        if end < len(tokens):
            out.append(OPERATORS.get(tokens[end], tokens[end]))
            end += 1
        at = end
    return out


def is_number(token: str) -> bool:
    """Whether a token is a number or part of one."""
    return token[0].isdigit() or token[0] == "." or token in NUMBERS


def _number(tokens: Sequence[str], at: int) -> tuple[Fraction | None, int, bool]:
    """Read a number: its value (None: there is none), where it ends, and whether it is a part of something."""
    value, end = _whole(tokens, at)
    following = tokens[end] if end < len(tokens) else ""
    if value is None:
        one = tokens[at] in ("a", "an")
        word = tokens[at + 1] if one and at + 1 < len(tokens) else tokens[at]
        if word in _PARTS and (one or word in ("half", "halves")):
            return Fraction(1, _PARTS[word]), at + 1 + one, True
        return None, at, False
    if following in _PERCENT:
        return value / 100, end + 1, True
    if following == "per" and tokens[end + 1 : end + 2] == ["cent"]:
        return value / 100, end + 2, True
    if following in _PARTS:
        return value / _PARTS[following], end + 1, True
    if following == "/" and value.denominator == 1 and (at == 0 or tokens[at - 1] not in _SIGNS):
        below, after = _whole(tokens, end + 1)
        calculation = after < len(tokens) and tokens[after] in _SIGNS
        if below is not None and below.denominator == 1 and 0 < value < below <= _LARGEST_PART and not calculation:
            return value / below, after, True
    if following == "and" and end + 1 < len(tokens):
        more, after, part = _number(tokens, end + 1)
        if part and more is not None and more < 1 and tokens[end + 1] in ("a", "one", *_PARTS):
            return value + more, after, True
    return value, end, value.denominator != 1


def _whole(tokens: Sequence[str], at: int) -> tuple[Fraction | None, int]:
    """Read `1,200`, `twenty five`, `two hundred and six`, `3 million`, `a dozen`."""
    total, group, end, scale = Fraction(0), None, at, 10**12
    while end < len(tokens):
        word, before = tokens[end], tokens[end - 1] if end > at else ""
        following = tokens[end + 1] if end + 1 < len(tokens) else ""
        if word[0].isdigit() or word[0] == ".":
            if before:
                break
            group = Fraction(word)
        elif word in _SMALL and (group is None or _fits(before, _SMALL[word])):
            group = (group or 0) + Fraction(_SMALL[word])
        elif word in ("a", "an") and not before and following in _GROUPS:
            group = Fraction(1)
        elif word in _SCALES and group is not None and _SCALES[word] < scale:
            scale = _SCALES[word]
            total, group = total + group * scale, None
        elif word in _GROUPS and group is not None and word not in _SCALES:
            group *= _GROUPS[word]
        elif not (word == "and" and before in _GROUPS and following in _SMALL):
            break
        end += 1
    return (None, at) if end == at else (total + (group or 0), end)


def _fits(before: str, value: int) -> bool:
    """Whether a small number word goes on with the word before: `twenty five`, `two hundred six`, not `five six`."""
    if before in _TENS:
        return 0 < value < 10
    return before in ("hundred", "and") and value < 100


def _operator(tokens: Sequence[str], at: int) -> tuple[str | None, int]:
    if at >= len(tokens):
        return None, at
    if tokens[at] == "divided" and tokens[at + 1 : at + 2] == ["by"]:
        return "/", at + 2
    return OPERATORS.get(tokens[at]), at + 1
