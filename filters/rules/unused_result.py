"""Whether a solution works something out that it never uses: sums written beside a known answer lead nowhere.

The result of each sum but the last stands in a later sum, is said again, or is the answer. Passed over are solutions with
unknowns, those that compare, and those that go on with numbers worked out in the head. Of 1,000 of GSM8K's training solutions
none has such a sum.
"""

import re
from collections.abc import Sequence
from fractions import Fraction

from filters.base import PASS, Context, Finding, Options, fail, row_filter
from filters.rows import Row
from filters.worked import stated_before, worked_solution
from synth.answers.numbers import parse_number
from synth.problems.equations import Equation
from synth.problems.stated_numbers import among, calculated, has_unknowns, parts_of, stated
from synth.problems.steps import content_lines

_COMPARES = re.compile(
    r"[<>≤≥]|\b(?:cheap\w*|expensive|most|best|worst|larg\w+|great\w+|small\w+|longe\w+|shorte\w+|fast\w+|slow\w+|winner|whether"
    r"|enough|maximum|minimum|highe\w+|lowe\w+|better|instead|compar\w+)\b",
    re.IGNORECASE,
)


@row_filter("unused_result", version="1")
def unused_result(row: Row, context: Context, options: Options) -> Finding:
    """What a worked solution works out is used later, or is its answer."""
    answer = parse_number(row.answer) if row.answer else None
    solution = worked_solution(row)
    if answer is None or solution is None or row.kind == "stepwise":
        return PASS
    asked = "\n".join(content for role, content in row.messages if role != "assistant")
    if _COMPARES.search(asked) or _COMPARES.search(solution) or has_unknowns(solution):
        return PASS
    return _unused(content_lines(solution), answer, stated_before(row, context))


def _unused(lines: Sequence[str], answer: Fraction, given: set[Fraction]) -> Finding:
    sums = [calculated([line]) for line in lines]
    explained = given | parts_of(equation for read in sums for equation in read)
    for number, line in enumerate(lines):
        for position, equation in enumerate(sums[number]):
            later = [*sums[number][position + 1 :], *(other for read in sums[number + 1 :] for other in read)]
            if not later or not equation.left.operators:
                continue
            result = equation.right.value
            said_later = set().union(*(stated(other) for other in lines[number + 1 :]), parts_of(later))
            if among(result, {answer, *given, *said_later}) or _before(result, sums, number, position):
                continue
            if any(not among(value, explained) for value in said_later):
                return PASS
            return fail("unused_result", text=line[:200], number=str(result))
    return PASS


def _before(result: Fraction, sums: Sequence[Sequence[Equation]], number: int, position: int) -> bool:
    """Whether an earlier sum holds the result already: it is checked, not worked out."""
    earlier = [*(other for read in sums[:number] for other in read), *sums[number][:position]]
    return among(result, parts_of(earlier))
