"""Whether a solution calculates with numbers that it has: those of the problem, what it came to before, and everyday ones.

A model that is too small for a problem copies numbers from elsewhere (an example, another problem) and still ends in the answer
that it was shown. Of GSM8K's first 1,500 training solutions 3 % calculate with a number that was worked out in the head, so this
is for solutions that a model wrote beside a known one, not for a data set's own.
"""

import re
from collections.abc import Iterator
from fractions import Fraction

from synth.answers.numbers import format_number
from synth.problems.equations import equations, strip_marks
from synth.problems.stated_numbers import names_measure
from synth.problems.steps import content_lines

_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?|\.\d+")
_ABOVE_12 = "thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_WORDS = {word: Fraction(value) for value, word in enumerate(_ABOVE_12.split(), 13)} | {
    word: Fraction(value)
    for word, value in {
        "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
        "hundred": 100, "thousand": 1_000, "million": 10**6, "dozen": 12, "quarter": 25, "quarters": 25,
    }.items()
}  # fmt: skip
EVERYDAY = frozenset(map(Fraction, (14, 16, 20, 24, 25, 28, 29, 30, 31, 50, 52, 60, 100, 365, 366, 1_000, 3_600)))
"""Hours, days, weeks, ounces, cents: numbers above 12 that a problem need not say where it is about such things."""


def unfounded_number(solution: str, *given: str) -> str | None:
    """Return the first number above 12 that a solution calculates with and does not have; None where there is none.

    Args:
        solution: The solution, or its end.
        given: The problem, and whatever stands before: an attempt that it goes on from.
    """
    known = {number for text in given for number in _numbers(text)}
    if any("%" in text or "percent" in text for text in (*given, solution)):
        shares = {number for number in known if number <= 100}
        known |= {100 - number for number in shares} | {100 + number for number in shares}
    for text in given:
        known.update(*(_reached(line) for line in content_lines(text)))
    everyday = EVERYDAY if any(names_measure(text) for text in (*given, solution)) else frozenset()
    for line in content_lines(solution):
        for equation in equations(strip_marks(line)):
            operands = set(_numbers(equation.left.text)) if equation.left.operators else set()
            missing = sorted(number for number in operands - known - everyday if number > 12)
            if missing:
                return format_number(missing[0])
            known |= {equation.right.value, Fraction(round(equation.right.value))}
        known |= _reached(line)
    return None


def _numbers(text: str) -> Iterator[Fraction]:
    for match in _NUMBER.findall(text):
        yield Fraction(match.replace(",", ""))
    yield from (_WORDS[word] for word in re.findall(r"[a-z]+", text.lower()) if word in _WORDS)


def _reached(line: str) -> set[Fraction]:
    """What the equations of a line come to, on their way too, and rounded."""
    read = equations(strip_marks(line))
    values = {
        value for equation in read for value in (*equation.left.parts, *equation.right.parts, equation.right.value)
    }
    return values | {Fraction(round(value)) for value in values}
