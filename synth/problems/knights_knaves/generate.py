"""Draw puzzles by the published rules: random syntax trees, kept when exactly one assignment fits."""

import random
from functools import cache
from itertools import permutations

from storage.errors import ProblemError
from synth.problems.knights_knaves.statements import (
    KNAVE,
    KNIGHT,
    Puzzle,
    Statement,
    assignment_roles,
    consistent_table,
)

# arXiv:2505.13718 uses the generator of mem-kk-logic with depth and width two, and gives up after as many redraws.
REDRAWS = 1_000

_JOINTS = ("and", "or", "implies", "iff")


@cache
def sayable(speaker: int, people: int) -> tuple[tuple[Statement, ...], ...]:
    """What somebody can say, in six groups: leaf, not, and, or, implies, iff.

    A leaf is a role of a person, but nobody can call themselves a knave. Two statements that are joined differ.
    """
    leaves = [
        (role, person) for role in (KNIGHT, KNAVE) for person in range(people) if (role, person) != (KNAVE, speaker)
    ]
    pairs = list(permutations(leaves, 2))
    return (
        tuple(leaves),
        tuple(("not", leaf) for leaf in leaves),
        *(tuple((joint, *pair) for pair in pairs) for joint in _JOINTS),
    )


@cache
def _weighed(speaker: int, people: int) -> tuple[tuple[tuple[Statement, int], ...], ...]:
    """What somebody can say, each with the assignments it allows."""
    return tuple(
        tuple((statement, consistent_table(statement, speaker, people)) for statement in group)
        for group in sayable(speaker, people)
    )


def draw_statement(rng: random.Random, speaker: int, people: int) -> Statement:
    """Draw one statement: a fair die picks its group, and all of a group are as likely."""
    group = sayable(speaker, people)[int(rng.random() * 6)]
    return group[int(rng.random() * len(group))]


def draw_any(rng: random.Random, people: int) -> Puzzle:
    """Draw one statement for each person, solvable or not."""
    return tuple(draw_statement(rng, speaker, people) for speaker in range(people))


def draw_puzzle(rng: random.Random, people: int) -> tuple[Puzzle, tuple[bool, ...]]:
    """Draw a puzzle with exactly one solution, and that solution (True is a knight).

    Raises:
        ProblemError: No such puzzle was found within the limit of redraws.
    """
    draw = rng.random
    tables = [_weighed(speaker, people) for speaker in range(people)]
    for _ in range(REDRAWS):
        fitting, statements = -1, []
        for groups in tables:
            group = groups[int(draw() * 6)]
            statement, allowed = group[int(draw() * len(group))]
            fitting &= allowed
            statements.append(statement)
        if fitting and not fitting & (fitting - 1):
            return tuple(statements), assignment_roles(fitting.bit_length() - 1, people)
    raise ProblemError(f"no puzzle of {people} people with one solution in {REDRAWS} draws; use fewer people.")
