"""Whether a solution sets quantities equal that are not: "2 daisies = 12 flowers", "10 cups + 8 teaspoons = 18 cups".

An amount alone on each side is equal where the numbers are, where the units are converted, or where what one holds of the other is
a number of the problem or of the solution ("2 boxes = 16 pens" with 8 pens in a box). Sums are looked at where each of their
amounts has a unit of measure. Other sums name what they like: "12 flowers - 2 daisies = 10 flowers". What some jaguars eat, so much
"per jaguar" times their number, is not "per jaguar" any more. Of GSM8K's 8,792 solutions one is refused, for such a slip.
"""

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction

from filters.base import PASS, Context, Finding, Options, fail, row_filter
from filters.rows import Row
from filters.worked import stated_before, worked_solution
from synth.answers.parsing.units import Unit, parse_unit
from synth.problems.equations import strip_marks
from synth.problems.expression_tokens import Token, number_of, tokenise
from synth.problems.stated_numbers import EVERYDAY, among, calculated, parts_of
from synth.problems.steps import content_lines

_MOST_WORDS = 3
_NO_UNIT = frozenset(
    {"per", "of", "each", "a", "an", "every", "for", "in", "if", "and", "or", "the", "is", "are", "was", "to"}
)
_WORDING = re.compile(r"\\(?:text|mathrm)\s*\{\s*([^{}]*?)\s*\}")
_TIMES = re.compile(r"\\times|\\cdot|×|(?<=[\w)] )x(?= [\d$])")
_NUMBER = r"[$£€]?\d[\d,.]{0,15} ?"
_RATE = rf"{_NUMBER}(?:[a-z]{{2,}} ){{0,2}}(?:[a-z]{{2,}} ?)?(?:per\b|/|each\b|an?\b) ?([a-z]{{2,}})"
_COUNT = rf"{_NUMBER}([a-z]{{2,}})"
_STILL_RATE = re.compile(rf"{_COUNT} ?\* ?{_RATE} ?= ?{_RATE}|{_RATE} ?\* ?{_COUNT} ?= ?{_RATE}", re.IGNORECASE)

Amount = tuple[Fraction, str, int]
"""A number, its unit or what it counts, and where it ends among the tokens."""


@row_filter("unlike_quantities", version="2")
def unlike_quantities(row: Row, context: Context, options: Options) -> Finding:
    """Two sides of an equation that name what they count are the same amount."""
    if (solution := worked_solution(row)) is None:
        return PASS
    lines = content_lines(solution)
    for number, line in enumerate(lines):
        if (rate := _still_a_rate(line)) is not None:
            return fail("still_a_rate", text=rate)
        tokens = tokenise(strip_marks(line))
        for start in range(len(tokens)):
            if start and tokens[start - 1].kind not in ("equals", "open") and tokens[start - 1].text not in ":,;.":
                continue
            read = _equation(tokens, start)
            if read is None:
                continue
            terms, right = read
            numbers_before = stated_before(row, context) | parts_of(calculated(lines[:number]))
            if _unequal(terms[0], right, numbers_before) if len(terms) == 1 else _unequal_sum(terms, right):
                return fail("unlike_quantities", text=line[:200])
    return PASS


def _still_a_rate(line: str) -> str | None:
    """Return a product of a rate and as many units that is called a rate still: "6 jaguars * 5 per jaguar = 30 per jaguar"."""
    plain = " ".join(_TIMES.sub("*", _WORDING.sub(r"\1", strip_marks(line))).replace("\\", "").split())
    for match in _STILL_RATE.finditer(plain):
        units = {_singular(unit.lower()) for unit in match.groups() if unit}
        if len(units) == 1:
            return match[0][:200]
    return None


def _equation(tokens: Sequence[Token], start: int) -> tuple[list[Amount], Amount] | None:
    """Read `amount (+ amount)* = amount` from a position on to the end of what is said."""
    first = _amount(tokens, start)
    if first is None:
        return None
    terms, end = [first], first[2]
    while end < len(tokens) and tokens[end].kind == "operator" and tokens[end].text in "+-":
        term = _amount(tokens, end + 1)
        if term is None:
            return None
        terms.append((term[0] if tokens[end].text == "+" else -term[0], term[1], term[2]))
        end = term[2]
    if end >= len(tokens) or tokens[end].kind != "equals":
        return None
    right = _amount(tokens, end + 1)
    if right is None or (
        right[2] < len(tokens) and tokens[right[2]].kind in ("operator", "open", "number", "percent", "word")
    ):
        return None
    return terms, right


def _amount(tokens: Sequence[Token], start: int) -> Amount | None:
    """Read a number and what it counts; None where something else stands there."""
    position, sign = start, ""
    if position < len(tokens) and tokens[position].kind == "currency":
        sign, position = tokens[position].text, position + 1
    if position >= len(tokens) or tokens[position].kind != "number" or len(tokens[position].text) > 15:
        return None
    value, position = number_of(tokens[position].text), position + 1
    words = list(_words(tokens[position : position + _MOST_WORDS]))
    if any(word in _NO_UNIT for word in words) or not (sign or words):
        return None
    return value, sign or " ".join(words), position + len(words)


def _words(tokens: Sequence[Token]) -> Iterator[str]:
    for token in tokens:
        if token.kind != "word" or len(token.text) < 2:
            return
        yield token.text.lower()


def _unequal(left: Amount, right: Amount, known: set[Fraction]) -> bool:
    """Whether two amounts set equal are not, where `known` numbers stand before them."""
    if left[0] == right[0] or not left[0] or not right[0]:
        return False
    first, second = parse_unit(left[1]), parse_unit(right[1])
    if first is not None and second is not None:
        if first.dimensions != second.dimensions:
            return False  # 3 hours = 180 miles, at some speed
        return not _near(left[0] * first.factor, right[0] * second.factor)
    if _singular(left[1]) == _singular(right[1]):
        return True
    ratios = (left[0] / right[0], right[0] / left[0])
    return not any(ratio in EVERYDAY or among(ratio, known) for ratio in ratios)


def _unequal_sum(terms: Sequence[Amount], right: Amount) -> bool:
    """Whether a sum of measures is only right as long as nobody looks at their units."""
    units: list[Unit] = []
    for _, name, _ in (*terms, right):
        if (unit := parse_unit(name)) is None or unit.symbol:
            return False
        units.append(unit)
    if len({unit.dimensions for unit in units}) > 1:
        return True
    total = sum((value * unit.factor for (value, _, _), unit in zip(terms, units, strict=False)), Fraction(0))
    return not _near(total, right[0] * units[-1].factor)


def _near(left: Fraction, right: Fraction) -> bool:
    """Whether two amounts are equal up to what people round a conversion to."""
    return abs(left - right) <= max(abs(left), abs(right)) / 50


def _singular(name: str) -> str:
    return name.removesuffix("es").removesuffix("s")
