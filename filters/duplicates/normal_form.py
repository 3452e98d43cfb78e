"""The normal form of a row: two rows with the same one teach exactly the same thing."""

from filters.base import Context
from filters.rows import Row
from filters.text import fold, normal
from storage.ids import digest


def given_part(row: Row, context: Context) -> str:
    """What was asked besides the problem: the chat with the problem's own words taken out."""
    problem = context.problems.get(row.problem_id or "")
    chat = "\n".join(f"{role}: {content}" for role, content in row.messages)
    return chat.replace(problem.prompt, "") if problem else chat


def normal_form(row: Row, context: Context) -> str:
    """Return the digest of method, kind, canonical problem, and every text of the row up to case and white space.

    A problem counts by its canonical structure: the same puzzle told with other names is the same problem. Without the
    problem at hand its wording counts, as part of the chat.
    """
    problem = context.problems.get(row.problem_id or "")
    return digest(
        "normal form 1",
        row.method,
        row.kind,
        row.task,
        problem.structure_id if problem else None,
        normal(problem.prompt) if problem and not row.messages else None,
        fold(given_part(row, context)),
        fold(row.learned),
        fold(row.rejected or ""),
        fold(row.text or ""),
        [fold(step or "") for step in row.steps or ()],
        list(row.labels or ()),
    )
