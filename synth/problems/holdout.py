"""Held-out problems: drawn first, and excluded from everything that is drawn afterwards."""

from collections.abc import Iterable, Sequence

from storage.ids import seed_from
from synth.problems.base import Problem, Source


def structure_ids(problems: Iterable[Problem]) -> frozenset[str]:
    """Structure ids of problems, as `Source.draw` excludes them."""
    return frozenset(problem.structure_id for problem in problems)


def draw_heldout(source: Source, per_tier: int, tiers: Sequence[int], seed: int) -> list[Problem]:
    """Draw a held-out set with up to `per_tier` problems of each tier, distinct by structure and by prompt, with a gold answer.

    Draw it before anything else, and exclude its `structure_ids` from every draw after it. A small tier can be used up
    by it (two-person puzzles have 95 structures): then nothing is left of that tier to learn from.

    Raises:
        ProblemError: The source is missing, broken or empty.
    """
    held: dict[str, Problem] = {}
    for tier in tiers:
        structures = structure_ids(held.values())
        for problem in source.draw(per_tier, seed=seed_from("heldout", seed, tier), tier=tier, exclude=structures):
            if problem.gold:  # what nobody can check tests nothing
                held.setdefault(problem.prompt, problem)
    return list(held.values())
