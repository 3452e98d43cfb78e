"""Whether a solution states a number that nobody has: models that are too small for a problem say one and reckon with another.

A number above 12 is the problem's, or stands in a sum of the solution, or is what one unit has of another in a sentence that
names both. Solutions with unknowns pass: their numbers come from more than sums. Of 1,000 of GSM8K's training
solutions 6 are refused, five of them for a slip of the pen ("36 pencils" where 38 were bought).
"""

from filters.base import PASS, Context, Finding, Options, fail, row_filter
from filters.rows import Row
from filters.worked import stated_before, worked_solution
from synth.problems.stated_numbers import calculated, has_unknowns, parts_of, stated, unexplained
from synth.problems.steps import content_lines


@row_filter("unfounded_number", version="1")
def unfounded_number(row: Row, context: Context, options: Options) -> Finding:
    """Every number above 12 of a worked solution is its problem's or that of a sum."""
    solution = worked_solution(row)
    if solution is None or not (sums := calculated(content_lines(solution))) or has_unknowns(solution):
        return PASS
    known = stated_before(row, context) | parts_of(sums) | stated(row.answer or "")
    unknown = next(unexplained(solution, known), None)
    return PASS if unknown is None else fail("unfounded_number", number=str(unknown.value), text=unknown.sentence[:200])
