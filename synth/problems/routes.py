"""Whether a true step may be part of some right solution of a problem of gains and losses, however it goes about it.

A solution may take changes together ("2 + 8 = 10 apples are added in all"), in any order, and do some of them in its head. What it
computes is always either how many there are after some of the changes, or what some of the changes come to. A step that
is neither, and from which no later step comes back to such a number, leads nowhere.
"""

from collections.abc import Iterator, Sequence
from itertools import product

MOST = 8
"""Changes up to which all ways are looked at; their number grows threefold with each."""


def may_lead(start: int, changes: Sequence[int], left: int, change: int) -> bool:
    """Say whether a step `left + change` can be part of a right solution.

    Args:
        start: How many there are at first.
        changes: What is added, negative where something is taken away.
        left: What the step starts with.
        change: What it adds.
    """
    if len(changes) > MOST:
        return True
    for first, second, taken in _two_parts(changes):
        if (left, change) == (start + first, second) or (change, left) == (start + first, second):
            return True
        if taken and (left, change) in ((first, second), (-first, -second)):
            return True
    return False


def states(start: int, changes: Sequence[int]) -> set[int]:
    """Return how many there can be after some of the changes."""
    reached = {start}
    for change in changes[:MOST]:
        reached |= {value + change for value in reached}
    return reached


def _two_parts(changes: Sequence[int]) -> Iterator[tuple[int, int, bool]]:
    """What two disjoint sets of changes come to, the second not empty; and whether the first is not empty."""
    for parts in product((0, 1, 2), repeat=len(changes)):
        if 2 in parts:
            first = sum(change for part, change in zip(parts, changes, strict=True) if part == 1)
            second = sum(change for part, change in zip(parts, changes, strict=True) if part == 2)
            yield first, second, 1 in parts
