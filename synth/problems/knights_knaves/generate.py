"""Draw puzzles by the published rules: random syntax trees, kept when exactly one assignment fits."""

import random

from storage.errors import ProblemError
from synth.problems.knights_knaves.statements import KNAVE, KNIGHT, Puzzle, Statement, solutions

# arXiv:2505.13718 uses the generator of mem-kk-logic with these limits, and gives up after as many redraws.
DEPTH = 2
WIDTH = 2
REDRAWS = 1_000

_KINDS = ("leaf", "not", "and", "or", "implies", "iff")


def draw_statement(rng: random.Random, speaker: int, people: int, depth: int = DEPTH, width: int = WIDTH) -> Statement:
    """Draw one statement. At depth 1 it is a leaf, else a fair die picks its kind; joined statements differ."""
    kind = "leaf" if depth <= 1 else rng.choice(_KINDS)
    if kind == "leaf":
        return _draw_leaf(rng, speaker, people)
    if kind == "not":
        return ("not", draw_statement(rng, speaker, people, depth - 1, width))
    count = rng.randint(2, width) if kind in ("and", "or") else 2
    parts: list[Statement] = []
    while len(parts) < count:
        part = draw_statement(rng, speaker, people, depth - 1, width)
        if part not in parts:
            parts.append(part)
    return (kind, *parts)


def draw_any(rng: random.Random, people: int) -> Puzzle:
    """Draw one statement for each person, solvable or not."""
    return tuple(draw_statement(rng, speaker, people) for speaker in range(people))


def draw_puzzle(rng: random.Random, people: int) -> tuple[Puzzle, tuple[bool, ...]]:
    """Draw a puzzle with exactly one solution, and that solution (True is a knight).

    Raises:
        ProblemError: No such puzzle was found within the limit of redraws.
    """
    for _ in range(REDRAWS):
        puzzle = draw_any(rng, people)
        found = solutions(puzzle)
        if len(found) == 1:
            return puzzle, found[0]
    raise ProblemError(f"no puzzle of {people} people with one solution in {REDRAWS} draws; use fewer people.")


def _draw_leaf(rng: random.Random, speaker: int, people: int) -> Statement:
    while True:
        leaf = (rng.choice((KNIGHT, KNAVE)), rng.randrange(people))
        if leaf != (KNAVE, speaker):  # nobody can call themselves a knave
            return leaf
