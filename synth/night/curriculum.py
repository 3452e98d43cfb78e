"""The frontier: the lowest tier that a model has not mastered, by its own evaluation. Nights teach there."""

from collections.abc import Sequence

from storage.lake.lake import Lake
from storage.models.checkpoints import Checkpoint
from storage.models.evaluations import accuracies

MASTERED = 0.8
"""Greedy accuracy on held-out problems from which a tier counts as mastered. Our choice."""


def frontier(lake: Lake, student: Checkpoint | None, task: str, tiers: Sequence[int]) -> int:
    """Return the lowest of `tiers` that the student has not mastered; the highest when it has mastered all.

    Tiers it was never evaluated on count as not mastered.
    """
    accuracy = accuracies(lake, student.id) if student is not None else {}
    for tier in sorted(tiers):
        correct, total = accuracy.get((task, tier), (0, 0))
        if not total or correct / total < MASTERED:
            return tier
    return max(tiers)
