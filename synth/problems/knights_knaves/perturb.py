"""Perturbation sets of mem-kk-logic (arXiv:2505.13718): the same puzzle, a little different, to tell reasoning from memory.

`statement` and `leaf` change what one person says, so that the one solution is another one. The rest changes the
language only: other role words, the role words flipped, uncommon names, statements in another order.
"""

import random
from typing import Literal, get_args

from synth.problems.base import Problem
from synth.problems.knights_knaves.generate import REDRAWS, draw_statement, sayable
from synth.problems.knights_knaves.puzzle import make_problem
from synth.problems.knights_knaves.statements import KNAVE, KNIGHT, Puzzle, Statement, as_puzzle, solutions
from synth.problems.knights_knaves.words import KNIGHTS, PAIRS, UNCOMMON_NAMES, Words

Kind = Literal["statement", "leaf", "role_words", "flipped", "uncommon_names", "reordered"]

KINDS: tuple[Kind, ...] = get_args(Kind)
LANGUAGE = frozenset({"role_words", "flipped", "uncommon_names", "reordered"})
"""Perturbations that keep the structure."""


def perturb(problem: Problem, kind: Kind, rng: random.Random) -> Problem | None:
    """Perturb a puzzle; its attributes then hold `perturb_kind` and the base's `base_problem_id`.

    Args:
        problem: A puzzle of this source.
        kind: What is changed.
        rng: What is drawn from.

    Returns:
        The perturbed puzzle; None when there is none (no other statement gives exactly one other solution).
    """
    attrs = problem.attrs
    puzzle, names, solution = as_puzzle(attrs["statements"]), list(attrs["names"]), tuple(attrs["solution"])
    role_names = Words(*attrs["role_words"]) if "role_words" in attrs else KNIGHTS
    order: list[int] | None = None
    if kind in ("statement", "leaf"):
        changed = _changed(puzzle, solution, kind, rng)
        if changed is None:
            return None
        puzzle, solution = changed
    elif kind == "role_words":
        role_names = rng.choice([pair for pair in PAIRS if pair != role_names])
    elif kind == "flipped":
        role_names = role_names.flipped
    elif kind == "uncommon_names":
        names = rng.sample(UNCOMMON_NAMES, len(names))
    else:
        order = list(range(len(puzzle)))
        while order == sorted(order):
            rng.shuffle(order)
    return make_problem(
        puzzle,
        solution,
        names,
        attrs["style"],
        rng,
        role_names=role_names,
        order=order,
        structure=problem.structure if kind in LANGUAGE else None,
        attrs={"perturb_kind": kind, "base_problem_id": problem.id},
    )


def _changed(
    puzzle: Puzzle, solution: tuple[bool, ...], kind: str, rng: random.Random
) -> tuple[Puzzle, tuple[bool, ...]] | None:
    """Change what one person says until there is exactly one solution, and another one."""
    for _ in range(REDRAWS):
        speaker = rng.randrange(len(puzzle))
        statement = (
            draw_statement(rng, speaker, len(puzzle))
            if kind == "statement"
            else _other_leaf(puzzle[speaker], speaker, len(puzzle), rng)
        )
        other = (*puzzle[:speaker], statement, *puzzle[speaker + 1 :])
        all_solutions = solutions(other)
        if len(all_solutions) == 1 and all_solutions[0] != solution:
            return other, all_solutions[0]
    return None


def _other_leaf(statement: Statement, speaker: int, people: int, rng: random.Random) -> Statement:
    """The statement with one leaf replaced; joined statements stay different."""
    operator, *parts = statement
    leaves = sayable(speaker, people)[0]
    if operator in (KNIGHT, KNAVE):
        return rng.choice([leaf for leaf in leaves if leaf != statement])
    position = rng.randrange(len(parts))
    parts[position] = rng.choice([leaf for leaf in leaves if leaf not in parts])
    return (operator, *parts)
