"""Find the equations in a step of prose, and say which of them are false.

Expressions are read by a small parser over exact fractions, inside limits; model text is never executed. A step may
hold prose: the longest expressions on both sides of `=` count, units are skipped, and whatever looks like algebra,
powers or a dangling operator is left unread rather than misread. An equation is called false only where no reading of its
line makes it true: with units that are converted, a remainder, a rounding, a percentage that is added.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from synth.answers.numbers import format_number
from synth.answers.parsing.units import parse_unit
from synth.problems.expression_parser import Expression, parse_whole
from synth.problems.expressions import runs
from synth.problems.steps import content_lines

FLOAT_PLACES = 10
MAX_STEP = 2_000  # characters of a step that are read

_MARK = re.compile(r"<<([^<>=]{1,200})=([^<>=]{1,60})>>")
_BULLET = re.compile(r"^\s*(?:[-*•+]|\d{1,3}[.)]|\(\d{1,3}\)|(?:step|part)\s+\d{1,3}\s*[:.)-])\s+", re.IGNORECASE)
_SCALE = re.compile(r"\b(?:cents?|dozens?|hundreds?|thousands?|millions?|billions?)\b|¢", re.IGNORECASE)
_ROUNDED = re.compile(
    r"\b(?:remainders?|rem|round(?:ed|s|ing)?|ceil(?:ing)?|floor|approx\w*|about|roughly|nearest|whole|left\s*over|remain\w*|full)\b|[≈~⌊⌈]"
    r"|\b[rR]\s?\d",
    re.IGNORECASE,
)
_REMAINDER = re.compile(
    r"(\d{1,9})\s*[/÷]\s*(\d{1,9})\s*=\s*(\d{1,9})\s*[,(]?\s*(?:(?:with|and|has)\s+)?(?:an?\s+)?(?:remainder|rem\.?|r)\s*(?:of|is|[:=])?\s*(\d{1,9})\b",
    re.IGNORECASE,
)
_ADDED_PERCENT = re.compile(r"(\d[\d,]*(?:\.\d+)?) ([+-]) (\d[\d,]*(?:\.\d+)?)%")
_MIXED = re.compile(r"(\d{1,9})\s+(?:[A-Za-z]+\s+)?and\s+[$(]{0,2}(\d{1,9})/([1-9]\d{0,8})")
_PERCENT = re.compile(r"%|\bpercent", re.IGNORECASE)
_CLOCK = re.compile(r"\d\s*(?:[ap]\.?m\b|o['’]clock)", re.IGNORECASE)
_UNIT_WORD = re.compile(r"[^\W\d_]+|[$€£¢]")
_AMOUNT = re.compile(
    r"(?P<sign>[$€£])?(?P<number>\d[\d,]*(?:\.\d+|/[1-9]\d*)?)(?:(?P<space>\s*)(?P<unit>[^\W\d_]{1,20}|¢))?"
)
_SCALES = frozenset({Fraction(12), *(Fraction(10**power) for power in (2, 3, 6, 9))})
_MULTIPLES = {"dozen": 12, "dozens": 12, "hundred": 100, "thousand": 1_000, "million": 10**6, "billion": 10**9}
_TIMES = [unit for name in ("second", "minute", "hour", "day", "week") if (unit := parse_unit(name)) is not None]


@dataclass(frozen=True, slots=True)
class Equation:
    """An equation as written in a step. `left` or `right` holds an operator; `5 = 5` alone is not an equation."""

    left: Expression
    right: Expression

    @property
    def true(self) -> bool:
        """Whether both sides are equal; a side written as a decimal may be rounded in its last place."""
        left, right = self.left, self.right
        if left.value == right.value or rounds(right, left.value) or rounds(left, right.value):
            return True
        if "%" not in left.text + right.text:
            return False
        # 40 / 50 * 100 = 80%, and 40 / 50 * 100% = 80, are written by careful people too.
        return any(rounds(right, left.value * times, scale) for times in (1, 100) for scale in (1, 100))

    @property
    def correction(self) -> str:
        """Say what the left side is instead, such as `5 + 3 is 8, not 9`."""
        computed, other = (self.left, self.right) if self.left.operators else (self.right, self.left)
        return f"{computed.text} is {format_number(computed.value)}, not {other.text}."


def strip_marks(text: str) -> str:
    """Remove calculator marks `<<48/2=24>>` and keep what was written around them."""
    return _MARK.sub("", text)


def evaluate(expression: str) -> Fraction | None:
    """Evaluate digits with `+ - * / x × ÷ ( ) %`, exactly; None for anything else, or beyond the limits."""
    read = parse_whole(expression)
    return None if read is None else read.value


def equations(step: str) -> list[Equation]:
    """Find the equations of a step, line by line, those of calculator marks included, each once. Never raises on model text."""
    unique: dict[tuple[Fraction, Fraction], Equation] = {}
    for line in step[:MAX_STEP].splitlines():
        for equation in _of_line(line):
            unique.setdefault((equation.left.value, equation.right.value), equation)
    return list(unique.values())


def false_equation(text: str) -> str | None:
    """Return what is false in the arithmetic of a text, such as `5 + 3 is 8, not 9.`; None when nothing is.

    Thoughts do not count.
    """
    for line in content_lines(text):
        for equation in equations(line):
            if not equation.true:
                return equation.correction
    return None


def _of_line(line: str) -> Iterator[Equation]:
    """The equations of a line, without those that are only false as they stand."""
    for left_text, right_text in _MARK.findall(line):
        left, right = parse_whole(left_text), parse_whole(right_text)
        if left is not None and right is not None and (left.operators or right.operators):
            marked = Equation(left, right)
            if marked.true or not _true_as_meant(marked, line):
                yield marked
    plain = _BULLET.sub("", strip_marks(line))
    written = [Equation(left, right) for left, right in runs(plain)]
    converted: list[Equation] | None = None
    for index, equation in enumerate(written):
        if not (equation.left.operators or equation.right.operators):
            continue
        if not equation.true:
            if converted is None:
                converted = [Equation(left, right) for left, right in runs(_in_base_units(plain))]
            if len(converted) == len(written) and _true_converted(converted[index], equation):
                continue
            if _true_as_meant(equation, line):
                continue
        yield equation


def _true_as_meant(equation: Equation, line: str) -> bool:
    """Whether a false equation may be true as its line means it: a remainder, rounding, units that are converted, a clock."""
    left, right = equation.left.value, equation.right.value
    remainder = _REMAINDER.search(line)
    if remainder is not None and "/" in equation.left.text:
        whole, by, quotient, rest = map(int, remainder.groups())
        return bool(whole == by * quotient + rest and rest < by)
    if abs(left - right) < 1 and _ROUNDED.search(line):
        return True
    if equation.right.percent and min(abs(left - right), abs(left / 100 - right)) * 100 <= Fraction(1, 2):
        return True  # 1 / 3 = 33%
    if _PERCENT.search(line) and rounds(equation.right, left * 100):
        return True
    for whole, part, parts in _MIXED.findall(line):
        if Fraction(whole) == right and right + Fraction(int(part), int(parts)) == left:
            return True  # 17 / 3 = 5 and 2/3
    if (left - right) % 12 == 0 and _CLOCK.search(line):
        return True
    return _percent_added(equation) or _off_by_scale(left, right, line) or _off_by_unit(left, right, line)


def _true_converted(converted: Equation, written: Equation) -> bool:
    """Whether an equation is true in base units, up to the last decimal place as it was written."""
    distance = abs(converted.left.value - converted.right.value)
    if not distance or not written.right.places or not written.right.value:
        return not distance
    return bool(distance <= abs(converted.right.value / written.right.value) / 10**written.right.places / 2)


def _percent_added(equation: Equation) -> bool:
    """Whether it is `50 + 20% = 60`, which is meant of the first number."""
    added = _ADDED_PERCENT.fullmatch(equation.left.text)
    if added is None:
        return False
    share = Fraction(added[3].replace(",", "")) / 100
    return Fraction(added[1].replace(",", "")) * (1 + share if added[2] == "+" else 1 - share) == equation.right.value


def _off_by_scale(left: Fraction, right: Fraction, line: str) -> bool:
    """Whether two values may only lack a conversion of cents, dozens, thousands written in words."""
    return bool(left and right and _SCALE.search(line) and (left / right in _SCALES or right / left in _SCALES))


def _off_by_unit(left: Fraction, right: Fraction, line: str) -> bool:
    """Whether two values are as far apart as two units of the line, or a unit of time and another one."""
    if not left or not right:
        return False
    units = [unit for word in _UNIT_WORD.findall(line)[:40] if (unit := parse_unit(word)) is not None]
    others = [*units, *_TIMES]
    ratios = {
        first.factor / second.factor for first in units for second in others if first.dimensions == second.dimensions
    }
    ratios |= {1 / ratio for ratio in ratios}
    return left / right in ratios - {Fraction(1)}


def _in_base_units(line: str) -> str:
    """The line with its amounts converted to one unit for each dimension: `2 hours + 30 minutes = 150 minutes` in seconds."""

    def plain(match: re.Match[str]) -> str:
        factor = _factor(match)
        if factor is None:
            return match[0]
        amount = Fraction(match["number"].replace(",", "")) * factor
        return f"{format_number(amount)}{match['space'] or ''}{match['unit'] or ''}"

    return _AMOUNT.sub(plain, line)


def _factor(match: re.Match[str]) -> Fraction | None:
    word = (match["unit"] or "").casefold()
    if word in _MULTIPLES:
        return Fraction(_MULTIPLES[word])
    unit = parse_unit(match["unit"] or match["sign"] or "")
    return None if unit is None else unit.factor


def rounds(written: Expression, value: Fraction, scale: int = 1) -> bool:
    """Say whether `written` is the value, or a plain decimal it rounds to or (from two places on) is cut to.

    `scale` undoes a percent. A value that has no more decimals than are written must be equal.
    """
    shown = written.value * scale
    if shown == value:
        return True
    if not written.places or written.operators:
        return False
    distance = abs(shown - value) * 10**written.places
    if written.places >= FLOAT_PLACES and abs(shown - value) <= max(abs(value), Fraction(1)) / 10**9:
        return True  # 99.00000000000001, as floats are printed
    return distance <= Fraction(1, 2) or (written.places > 1 and distance < 1)
