"""At most so many rows per problem and per template, so that a few easy problems do not make up a data set.

Rows that another filter rejects do not count; accepted rows of earlier nights about the same problem do. A question that
a method made is a problem of its own. Not covered: earlier nights' rows of the same template.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from pydantic import Field

from filters.base import Context, Finding, Options, fail, night_filter
from filters.findings import pass_but
from filters.row_blocks import ids_of
from filters.rows import Row
from filters.text import in_digits, masked, tokens


class CapOptions(Options):
    """Options of `caps`; a limit that is not given does not hold."""

    per_problem: int | None = Field(
        default=None,
        ge=1,
        description="Most rows of one method about one problem, over all nights. Four is usual for SFT.",
    )
    per_template: int | None = Field(
        default=None, ge=1, description="Most rows of one method about problems that differ only in their numbers."
    )


@night_filter("caps", version="1", options=CapOptions, last=True)
def caps(rows: Sequence[Row], context: Context, options: CapOptions) -> Mapping[str, Finding]:
    """Not more rows before it, by sample id, are about the same problem or template."""
    problems: Counter[tuple[str, str]] = Counter(context.earlier)
    templates: Counter[tuple[str, str]] = Counter()
    findings: dict[str, Finding] = {}
    if options.per_problem is None and options.per_template is None:
        return pass_but(ids_of(rows), findings)
    for row in rows:
        if not context.may_represent(row) or row.problem_id is None:
            continue
        problem = (row.method, row.problem_id if row.notes.question is None else row.asked)
        if options.per_problem is not None and problems[problem] >= options.per_problem:
            findings[row.sample_id] = fail("too_many_of_problem", limit=options.per_problem)
            continue
        if options.per_template is not None:
            template = (row.method, _template(row, context))
            if templates[template] >= options.per_template:
                findings[row.sample_id] = fail("too_many_of_template", limit=options.per_template)
                continue
            templates[template] += 1
        problems[problem] += 1
    return pass_but(ids_of(rows), findings)


def _template(row: Row, context: Context) -> str:
    problem = context.problems.get(row.problem_id or "") if row.notes.question is None else None
    return " ".join(masked(in_digits(tokens(problem.prompt if problem else row.asked))))
