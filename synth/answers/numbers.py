"""Plain numbers in answers: integers, decimals, fractions and mixed numbers as exact fractions, with what is counted.

Typography and LaTeX around a number are undone first. Words after it that change its value (`thousand`, `half`, `or 6`)
make it unreadable rather than misread. Not covered: numbers in words, powers, algebra.
"""

import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction

MAX_ANSWER = 400  # characters; what is longer is not an answer
MAX_DIGITS = 60  # of one number

_VULGAR = {
    character: unicodedata.normalize("NFKC", character).replace("\u2044", "/")
    for character in map(chr, range(0xBC, 0x218B))
    if unicodedata.decomposition(character).startswith("<fraction>") and unicodedata.numeric(character, 0) != 1
}
_VULGAR_SPACED = {character: f" {words}" for character, words in _VULGAR.items()}
_LATEX_FRACTION = re.compile(r"\\[dt]?frac\s*\{\s*([^{}]*?)\s*\}\s*\{\s*([^{}]*?)\s*\}")
_LATEX_DIGITS = re.compile(r"\\[dt]?frac\s*([0-9])\s*([0-9])(?![0-9])")
_LATEX_TEXT = re.compile(r"\\(?:text|mathrm|mathbf|textbf|operatorname)\s*\{([^{}]*)\}")
_LATEX_SPACE = re.compile(r"(?<=[\d{}])~")  # a tilde before a number says that it is rounded
_LATEX_NOISE = re.compile(r"\\[,;:!()\[\] ]|\\(?:quad|left|right|displaystyle)\b")
_DEGREES = re.compile(r"\s*(?:\^\s*\{?\\circ\}?|°)")

_DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)"
_GLOSS = re.compile(r"\s*\((?P<words>[a-z]+(?:[ -][a-z]+){0,6})\)$")
_NUMBER = re.compile(
    rf"""^(?P<sign>[-+]?)\s*(?P<currency>[$€£¥]|usd|rs\.?)?\s*(?P<inner>[-+]?)
    (?:(?P<whole>{_DIGITS})\s+(?P<top>\d+)\s*/\s*(?P<bottom>\d+)
     |(?P<over>{_DIGITS})\s*/\s*(?P<under>{_DIGITS})
     |(?P<plain>{_DIGITS}(?:\.\d*)?|\.\d+))
    \s*(?P<unit>.*)$""",
    re.VERBOSE | re.DOTALL,
)
_UNIT = re.compile(r"^(?:[$€£¥%]|(?:[a-z]+(?:[-'/][a-z]+)*)(?:\s+[a-z]+(?:[-'/][a-z]+)*){0,5})?$")
# Words after a number that change its value, or say that it is not the whole answer.
_CHANGES = """
hundred hundreds thousand thousands million millions billion billions trillion dozen dozens k b bn mn half halves third
thirds quarter quarters fourth fourths fifth fifths tenth tenths squared cubed and or to plus minus times not than below
negative if but except approximately remainder over
"""
_CHANGES_VALUE = frozenset(_CHANGES.split())
_SHORT_UNITS = frozenset({"m", "g", "l", "s", "h"})
_HUNDREDTHS = frozenset({"%", "percent", "percents", "percentage", "cent", "cents", "¢"})


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it stands in an answer.

    Attributes:
        value: The number, without regard to what is counted.
        unit: What is counted: the currency before it and the words after it, in lower case; often empty.
    """

    value: Fraction
    unit: str

    @property
    def in_hundredths(self) -> bool:
        """Whether percent or cents are counted."""
        return self.unit in _HUNDREDTHS


def read_number(text: str) -> Number | None:
    """Read a plain number with what it counts; None when the text is none."""
    if len(text) > MAX_ANSWER:
        return None
    text = plain(text).strip("*_` ")
    if len(text) > 2 and text[0] == text[-1] == "$":
        text = text[1:-1]
    match = _NUMBER.match(_without_gloss(text.rstrip(". ").casefold()))
    if match is None or (match["sign"] and match["inner"]) or sum(map(str.isdigit, text)) > MAX_DIGITS:
        return None
    unit = match["unit"].strip()
    if not _unit_keeps_value(unit, glued=not text[match.start("unit") - 1 : match.start("unit")].isspace()):
        return None
    value = _value(match)
    if value is None:
        return None
    negative = "-" in (match["sign"] + match["inner"])
    return Number(-value if negative else value, " ".join(filter(None, (match["currency"], unit))))


def parse_number(text: str) -> Fraction | None:
    """Read a plain number: integer, decimal, fraction or mixed number, currency and unit allowed; else None."""
    number = read_number(text)
    return None if number is None else number.value


def _without_gloss(text: str) -> str:
    """A number without its words in brackets, `5 (five)`, unless these may change it."""
    gloss = _GLOSS.search(text)
    if gloss is None or any(word in _CHANGES_VALUE for word in re.split("[ -]", gloss["words"])):
        return text
    return text[: gloss.start()]


def _unit_keeps_value(unit: str, *, glued: bool) -> bool:
    if unit in ("", "¢"):
        return True
    if not _UNIT.match(unit):
        return False
    words = unit.replace("-", " ").split()
    if any(word in _CHANGES_VALUE for word in words):
        return False
    first = words[0]
    return len(first) > 1 or not first.isalpha() or (first in _SHORT_UNITS and not glued) or first == "a"


def _value(match: re.Match[str]) -> Fraction | None:
    def whole(name: str) -> int:
        return int(match[name].replace(",", ""))

    if match["top"] is not None:
        top, bottom = whole("top"), whole("bottom")
        return whole("whole") + Fraction(top, bottom) if 0 < top < bottom else None
    if match["over"] is not None:
        return Fraction(whole("over"), whole("under")) if whole("under") else None
    return Fraction(match["plain"].replace(",", "").rstrip(".") or "0")


def format_number(value: Fraction) -> str:
    """Write a number exactly: as an integer, a finite decimal, or a fraction in lowest terms."""
    if value.denominator == 1:
        return str(value.numerator)
    twos = fives = 0
    rest = value.denominator
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    places = max(twos, fives)
    if rest != 1 or places > 12:
        return f"{value.numerator}/{value.denominator}"
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    return f"{'-' if value < 0 else ''}{digits[:-places]}.{digits[-places:]}"


def plain(text: str) -> str:
    """Undo typography: other digits, dashes and spaces, LaTeX around numbers. Superscripts stay, on purpose."""
    text = "".join(_VULGAR_SPACED.get(character, character) for character in text)
    text = _LATEX_TEXT.sub(r" \1", _LATEX_SPACE.sub(" ", text)).replace("{,}", ",")
    text = _LATEX_DIGITS.sub(r" \1/\2", _LATEX_FRACTION.sub(r" \1/\2", text))
    text = _DEGREES.sub(" degrees ", _LATEX_NOISE.sub("", text)).replace("\\$", "$").replace("\\%", "%")
    text = text.replace("\u2212", "-").replace("\u2013", "-").replace("\uff0c", ",").replace("\uff0e", ".")
    return " ".join("".join(_ascii_digit(character) for character in text).split())


def _ascii_digit(character: str) -> str:
    if character.isascii():
        return character
    value = unicodedata.decimal(character, None)
    return character if value is None else str(value)
