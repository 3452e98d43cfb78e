"""Whether a solution states a number that nobody has: models that are too small for a problem say one and reckon with another.

A number above 12 is the problem's, or stands in a sum of the solution, or is what one unit has of another in a sentence that
names both; so is a 0 ("She eats 0 eggs in the evening"). Solutions with unknowns pass: their numbers come from more than sums. Of
1,000 of GSM8K's training solutions 6 are refused, five of them for a slip of the pen ("36 pencils" where 38 were bought); a 0 is
refused in 4 of all 8,792.
"""

import re
from fractions import Fraction

from filters.base import PASS, Context, Finding, Options, fail, row_filter
from filters.rows import Row
from filters.worked import stated_before, worked_solution
from synth.problems.stated_numbers import (
    Stated,
    calculated,
    has_unknowns,
    parts_of,
    stated,
    stated_numbers,
    unexplained,
)
from synth.problems.steps import content_lines

_NONE = re.compile(r"\b(?:no|not|none|nothing|never|zero|without)\b|n['’]t\b", re.IGNORECASE)


@row_filter("unfounded_number", version="2")
def unfounded_number(row: Row, context: Context, options: Options) -> Finding:
    """Every number above 12 of a worked solution is its problem's or that of a sum."""
    solution = worked_solution(row)
    if solution is None or not (sums := calculated(content_lines(solution))) or has_unknowns(solution):
        return PASS
    explained = stated_before(row, context) | parts_of(sums) | stated(row.answer or "")
    unknown = next(unexplained(solution, explained), None) or _zero(row, solution, explained)
    return PASS if unknown is None else fail("unfounded_number", number=str(unknown.value), text=unknown.sentence[:200])


def _zero(row: Row, solution: str, explained: set[Fraction]) -> Stated | None:
    """Return where a solution states a 0 that no sum comes to, though its problem speaks of nothing that there is none of."""
    asked = "\n".join(content for role, content in row.messages if role != "assistant")
    if 0 in explained or _NONE.search(asked):
        return None
    return next((number for number in stated_numbers(solution) if number.value == 0), None)
