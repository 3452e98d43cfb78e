"""A puzzle made a problem: its text, gold answer and what the task needs to check, solve and review it.

The worked solution is not written down here: it takes as long as all the rest, and the task writes it when it is asked for.
"""

import random
from collections.abc import Sequence
from typing import Any

from synth.problems.base import Problem
from synth.problems.knights_knaves.statements import Puzzle, canonical
from synth.problems.knights_knaves.text import Style, answer_text, write
from synth.problems.knights_knaves.words import KNIGHTS, Words


def make_problem(
    puzzle: Puzzle,
    solution: tuple[bool, ...],
    names: Sequence[str],
    style: Style,
    rng: random.Random,
    *,
    role_names: Words = KNIGHTS,
    order: Sequence[int] | None = None,
    structure: str | None = None,
    attrs: dict[str, Any] | None = None,
) -> Problem:
    """Write a puzzle down as a problem.

    Args:
        puzzle: What everyone says.
        solution: Who is a knight.
        names: Who they are.
        style: Wording.
        rng: Chooses the frames of the full wording.
        role_names: Words for the roles.
        order: In which order people speak.
        structure: The canonical structure, when it is known.
        attrs: Further attributes.
    """
    return Problem(
        task="knights_knaves",
        source="knights_knaves",
        prompt=write(puzzle, names, style, rng, role_names, order),
        gold=answer_text(solution, names, role_names),
        structure=structure or canonical(puzzle),
        tier=len(puzzle),
        license="Apache-2.0",
        attrs={
            "style": style,
            "names": list(names),
            "statements": _as_list(puzzle),
            "solution": list(solution),
            **({} if role_names == KNIGHTS else {"role_words": [role_names.truthful, role_names.lying]}),
            **(attrs or {}),
        },
        gold_source="rule",
    )


def _as_list(value: tuple[Any, ...]) -> list[Any]:
    return [_as_list(part) if type(part) is tuple else part for part in value]
