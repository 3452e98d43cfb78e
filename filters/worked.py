"""The worked solution of a row, and what its problem states: for filters that look at the numbers of a solution."""

from fractions import Fraction

from filters.base import Context
from filters.rows import Row
from synth.problems.stated_numbers import stated
from synth.problems.steps import thoughts_end

_KINDS = frozenset({"sft", "preference", "stepwise"})
_TASKS = frozenset({"math_word"})


def worked_solution(row: Row) -> str | None:
    """Return what a row solves a word problem with: its answer without thoughts, and its steps but those called wrong.

    None for every other row.
    """
    if row.kind not in _KINDS or row.task not in _TASKS:
        return None
    text = row.learned[thoughts_end(row.learned) :]
    labels = row.labels or (None,) * len(row.steps or ())
    steps = [step for step, label in zip(row.steps or (), labels, strict=False) if step and label is not False]
    return "\n".join([text, *steps]).strip() or None


def stated_before(row: Row, context: Context) -> set[Fraction]:
    """Return the numbers that stand before a row's answer: in its problem, and in an attempt that it is about."""
    problem = context.problems.get(row.problem_id or "")
    values = stated("\n".join(content for role, content in row.messages if role != "assistant"))
    return values | (stated(problem.prompt) if problem is not None else set())
