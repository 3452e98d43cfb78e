"""Numbers that a text states, as digits and as words, and where a solution may have them from."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from synth.problems.equations import Equation, equations, strip_marks
from synth.problems.expression_tokens import Token, names_variable, number_of, tokenise
from synth.problems.expressions import numbers
from synth.problems.steps import content_lines

_UP_TO_TWENTY = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
)
_OTHERS = {
    "thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "seventy": "70", "eighty": "80", "ninety": "90", "hundred": "100",
    "thousand": "1000", "million": "1000000", "dozen": "12", "dozens": "12", "score": "20", "half": "1/2", "halves": "1/2",
    "third": "1/3", "thirds": "1/3", "quarter": "1/4", "quarters": "1/4", "fourth": "1/4", "fourths": "1/4", "fifth": "1/5",
    "fifths": "1/5", "tenth": "1/10", "twice": "2", "double": "2", "thrice": "3", "triple": "3",
}  # fmt: skip
_WORDS = {word: Fraction(value) for value, word in enumerate(_UP_TO_TWENTY.split())}
_WORDS |= {word: Fraction(value) for word, value in _OTHERS.items()}
EVERYDAY = frozenset(
    map(Fraction, (7, 10, 12, 14, 16, 20, 24, 25, 28, 30, 31, 50, 52, 60, 90, 100, 180, 360, 365, 366, 1_000, 3_600))
)
"""Days, hours, ounces, cents, degrees: what one unit of measure has of another."""
_MEASURE = re.compile(
    r"\b(hour|minute|second|day|week|fortnight|month|year|decade|dozen|feet|foot|inch|yard|mile|cent|dollar|percent|quarter|dime"
    r"|nickel|penn|ounce|pound|gram|kilogram|gallon|quart|pint|cup|meter|kilometer|centimeter|circle|degree|angle|right)"
    r"|([%$])",
    re.IGNORECASE,
)
_EQUALS = re.compile(r"\b(?:equals|is equal to)\b", re.IGNORECASE)
_DIVIDED = re.compile(r"\bdivided by\b", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.!?;])\s+")
_LABELS = frozenset(
    {"step", "part", "day", "week", "case", "equation", "number", "chapter", "page", "room", "item", "problem"}
)
_ORDINALS = frozenset({"st", "nd", "rd", "th", "s"})
LEAST = 12
"""Smaller numbers are counted or worked out in the head, and pass."""


@dataclass(frozen=True, slots=True)
class Stated:
    """A number of a text.

    Attributes:
        value: It.
        sentence: The sentence that states it.
    """

    value: Fraction
    sentence: str


def in_signs(text: str) -> str:
    """Return a text with calculations in words written with signs: `45 plus 30 equals 75` as `45 plus 30 = 75`."""
    return _EQUALS.sub("=", _DIVIDED.sub("/", text))


def names_measure(text: str) -> bool:
    """Whether a text names a unit of measure, money or time, or a share."""
    return _MEASURE.search(text) is not None


def stated(text: str) -> set[Fraction]:
    """Return every number of a text, those in words too."""
    values = set(numbers(strip_marks(text)))
    return values | {_WORDS[word] for word in re.findall(r"[a-z]+", text.lower()) if word in _WORDS}


def has_unknowns(text: str) -> bool:
    """Whether a text calculates with letters, whose numbers are not found by sums alone."""
    for line in strip_marks(text).splitlines():
        tokens = tokenise(line)
        for position, token in enumerate(tokens):
            if token.kind != "word" or not names_variable(tokens, position):
                continue
            beside = tokens[max(position - 1, 0) : position] + tokens[position + 1 : position + 2]
            if any(
                other.kind in ("operator", "equals") or (other.kind == "number" and other.end == token.start)
                for other in beside
            ):
                return True
    return False


def calculated(lines: Iterable[str]) -> list[Equation]:
    """Return the equations of some lines, in order, those of calculator marks included."""
    return [equation for line in lines for equation in equations(in_signs(line))]


def parts_of(read: Iterable[Equation]) -> set[Fraction]:
    """Return every value that some equations hold: operands, results on their way, and both sides."""
    return {
        value
        for equation in read
        for side in (equation.left, equation.right)
        for value in (*side.parts, *side.results, side.value)
    }


def among(value: Fraction, values: Iterable[Fraction]) -> bool:
    """Whether a number is one of some: as it is, as a percentage, with the other sign, what is left of 1 or 100, or rounded."""
    return any(
        value in (other, other * 100, other / 100, -other, 100 - other, 1 - other)
        or (
            other.denominator != 1
            and abs(other - value) < (Fraction(1, 2) if value.denominator == 1 < value else Fraction(1, 100))
        )
        for other in values
    )


def stated_numbers(text: str) -> Iterator[Stated]:
    """Yield the numbers that the sentences of a text state, without results (= 15), labels (Step 3) and ordinals."""
    for line in content_lines(text):
        for sentence in _SENTENCE.split(strip_marks(line)):
            for value in _plain_numbers(tokenise(sentence)):
                yield Stated(value, sentence.strip())


def unexplained(text: str, known: Iterable[Fraction]) -> Iterator[Stated]:
    """Yield the numbers above `LEAST` that a text states and that are not known, nor everyday where units are converted."""
    known = frozenset(known)
    for number in stated_numbers(text):
        if number.value <= LEAST or among(number.value, known):
            continue
        measures = {(match[1] or match[2]).lower() for match in _MEASURE.finditer(number.sentence)}
        if number.value not in EVERYDAY or len(measures) < 2:
            yield number


def _plain_numbers(tokens: list[Token]) -> Iterator[Fraction]:
    """The numbers of a sentence, without results (= 15), labels (Step 3, Day 15), ordinals, mixed numbers and times of day."""
    for position, token in enumerate(tokens):
        if token.kind != "number" or len(token.text) > 15:
            continue
        before = next((other for other in reversed(tokens[:position]) if other.kind not in ("currency", "open")), None)
        after = tokens[position + 1] if position + 1 < len(tokens) else None
        if before is not None and (
            before.kind in ("number", "equals")
            or before.text.lower() in _LABELS
            or (before.text == ":" and before.end == token.start)
        ):
            continue
        if after is not None and (
            after.kind == "number"
            or (after.end - len(after.text) == token.end and (after.text.lower() in _ORDINALS or after.text == ":"))
            or (before is None and after.text in (".", ")", ":"))
        ):
            continue
        yield number_of(token.text)
