"""The worked solution of a row, and what its problem states: for filters that look at the numbers of a solution."""

import re
from fractions import Fraction

from filters.base import Context
from filters.rows import Row
from synth.problems.stated_numbers import stated
from synth.problems.steps import thoughts_end

_KINDS = frozenset({"sft", "preference", "stepwise"})
_TASKS = frozenset({"math_word"})
_MOST_CHARACTERS = 8_000
_MOST_DIGITS = 1_600
"""What is longer than any solution of a word problem, or full of digits, is not looked at."""


def worked_solution(row: Row) -> str | None:
    """Return what a row solves a word problem with: its answer without thoughts, and its steps but those called wrong.

    None for every other row.
    """
    if row.kind not in _KINDS or row.task not in _TASKS:
        return None
    text = row.learned[thoughts_end(row.learned) :]
    labels = row.labels or (None,) * len(row.steps or ())
    steps = [step for step, label in zip(row.steps or (), labels, strict=False) if step and label is not False]
    solution = "\n".join([text, *steps]).strip()
    if len(solution) > _MOST_CHARACTERS or sum(map(len, re.findall(r"\d+", solution))) > _MOST_DIGITS:
        return None
    return solution or None


def stated_before(row: Row, context: Context) -> set[Fraction]:
    """Return the numbers that stand before a row's answer: in its problem, and in an attempt that it is about."""
    problem = context.problems.get(row.problem_id or "")
    values = stated("\n".join(content for role, content in row.messages if role != "assistant")[: 2 * _MOST_CHARACTERS])
    return values | (stated(problem.prompt) if problem is not None else set())
