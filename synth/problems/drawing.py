"""What sources share when they draw: equal shares of tiers, nothing twice, and rows in the order of a file."""

from collections.abc import Iterable, Iterator, MutableSequence
from typing import NamedTuple

from storage.errors import ProblemError
from synth.problems.base import Problem
from synth.problems.files import Dropped


class ReadProblem(NamedTuple):
    """A problem as it was read.

    Attributes:
        number: Where it stands, counted from 1.
        problem: The problem; its structure is empty where the row asks nothing.
        fault: Why it cannot be drawn, in a stable word; None where it can.
    """

    number: int
    problem: Problem
    fault: str | None = None


def equal_shares(streams: Iterable[Iterator[Problem]], limit: int) -> list[Problem]:
    """Draw from streams in turn; one that has ended leaves its share to the others.

    Args:
        streams: One for each tier.
        limit: Problems at most.
    """
    open_streams, drawn = list(streams), list[Problem]()
    while open_streams and len(drawn) < limit:
        for stream in list(open_streams):
            problem = next(stream, None)
            if problem is None:
                open_streams.remove(stream)
            elif len(drawn) < limit:
                drawn.append(problem)
    return drawn


def unseen(made: Iterable[Problem | None], seen: set[str], misses: int) -> Iterator[Problem]:
    """Yield the problems whose structure was not there before, until so many in a row came to nothing new.

    Args:
        made: Problems without end; None where a draw failed.
        seen: Structures that were there before; those that are yielded are added.
        misses: Failed or known draws in a row after which the stream ends.
    """
    missed = 0
    for problem in made:
        if problem is None or problem.structure_id in seen:
            missed += 1
            if missed == misses:
                return
            continue
        missed = 0
        seen.add(problem.structure_id)
        yield problem


def in_order(
    read: Iterable[ReadProblem], limit: int, exclude: frozenset[str], dropped: MutableSequence[Dropped], empty: str
) -> list[Problem]:
    """Draw the first problems that can be drawn and are not excluded, each question once.

    Args:
        read: What was read, in the order of the file.
        limit: Problems at most.
        exclude: Structures that are not drawn again.
        dropped: Is given what was left out, with its fault, or as a `duplicate`.
        empty: What to say where nothing was read at all.

    Raises:
        ProblemError: Nothing was read.
    """
    drawn: list[Problem] = []
    seen: dict[str, int] = {}
    nothing = True
    for number, problem, fault in read:
        nothing = False
        if fault is None and problem.structure in seen:
            fault = "duplicate"
        if fault is not None:
            dropped.append(Dropped(number, fault, seen.get(problem.structure, 0), "", problem.prompt))
            continue
        seen[problem.structure] = number
        if problem.structure_id not in exclude:
            drawn.append(problem)
            if len(drawn) >= limit:
                break
    if nothing:
        raise ProblemError(empty)
    return drawn[:limit]
