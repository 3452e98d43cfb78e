"""Plain numbers: read from text as exact fractions, and written exactly."""

from fractions import Fraction

from synth.answers.parsing.form import read_form
from synth.answers.parsing.forms import Quantity


def parse_number(text: str) -> Fraction | None:
    """Read a plain number: integer, decimal, fraction or mixed number, with or without what it counts; else None."""
    form = read_form(text)
    if not isinstance(form, Quantity) or form.group is not None or form.prose:
        return None
    return form.value


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
