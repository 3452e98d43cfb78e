"""What a night writes: which call wrote to which kind of file, and where in our code. Read from what `full_disk.c` tells."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

_FRAME = re.compile(r'  File "(.*?)", line (\d+) in (\S+)')
_NAMES = re.compile(r"(?<=/sort-)\w+|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{12,}|\d+")
"""What of a path is another one in each night: identities, digests, dates, numbers of processes,
what stands behind `sort-`."""


class Kind(NamedTuple):
    """Writes of one kind: all that are made to such a file, by such a call, on one way through the code.

    Attributes:
        file: The file below the workspace, `#` for each identity or number in its path.
        call: The function of the C library.
        way: Our functions from the outermost to the innermost one, as `path:line function`.
    """

    file: str
    call: str
    way: tuple[str, ...]

    @property
    def name(self) -> str:
        """Say it in a line: the file, the call, and the innermost place of our code."""
        return f"{self.file} {self.call} at {self.way[-1] if self.way else 'no code of ours'}"


def read(text: str, root: Path, checkout: Path) -> list[Kind]:
    """Read what was told of writes, in order.

    Args:
        text: What `full_disk.c` told.
        root: The workspace.
        checkout: Where our code is; frames of other code, and of the stress itself, are left out.
    """
    kinds = []
    for told in text.split("=== ")[1:]:
        head, _, frames = told.partition("\n")
        call, _, path = head.partition(" ")
        way = [
            f"{Path(file).relative_to(checkout)}:{line} {function}"
            for file, line, function in _FRAME.findall(frames)
            if Path(file).is_relative_to(checkout) and Path(file).relative_to(checkout).parts[0] in OURS
        ]
        kinds.append(Kind(_NAMES.sub("#", path.removeprefix(str(root)).lstrip("/")), call, tuple(reversed(way))))
    return kinds


OURS = ("flows", "train_stages", "filters", "synth", "storage")


def in_order(kinds: Sequence[Kind], each: int) -> Iterator[int]:
    """Number every write in the order in which they are tried.

    First of each file, call and place its first write, its last and some spread between them; then one of each way through our
    code to such a place; then all others, far apart first.

    Args:
        kinds: The kind of every write of a night, in order.
        each: How many of a file, call and place come first.
    """
    given = set[int]()
    for wanted, group in ((each, lambda kind: kind.name), (1, lambda kind: kind)):
        places: dict[Any, list[int]] = {}
        for number, kind in enumerate(kinds):
            places.setdefault(group(kind), []).append(number)
        for turn in range(wanted):
            for numbers in places.values():
                chosen = [numbers[place] for place in spread(len(numbers), wanted)]
                if turn < len(chosen) and not (wanted == 1 and given & set(numbers)) and chosen[turn] not in given:
                    given.add(chosen[turn])
                    yield chosen[turn]
    step = 1 << max(len(kinds).bit_length() - 1, 0)
    while step:
        for number in range(0, len(kinds), step):
            if number not in given:
                given.add(number)
                yield number
        step //= 2


def spread(total: int, wanted: int) -> list[int]:
    """Return the first of so many, the last, and others between them at equal distances, no more than there are."""
    between = [round(step * (total - 1) / (wanted - 1)) for step in range(1, wanted - 1)]
    return list(dict.fromkeys([0, total - 1, *between]))[:wanted]


def digest(kind: Kind) -> str:
    """Return a short digest of a kind, by which it is kept."""
    return hashlib.sha256(repr(tuple(kind)).encode()).hexdigest()[:10]


def table(kinds: Iterable[Kind], hits: Mapping[str, int]) -> list[dict[str, Any]]:
    """Count per name how many writes a night has, on how many ways they are made, and how many of both were tried.

    Args:
        kinds: The kind of every write of a night.
        hits: How many were tried, by the digest of their kind.
    """
    counts = Counter(kinds)
    named: dict[str, list[Kind]] = {}
    for kind in counts:
        named.setdefault(kind.name, []).append(kind)
    return [
        {
            "kind": name, "writes": sum(counts[kind] for kind in ways), "tried": sum(hits.get(digest(kind), 0) for kind in ways),
            "ways": len(ways), "ways_tried": sum(digest(kind) in hits for kind in ways),
        }
        for name, ways in sorted(named.items())
    ]  # fmt: skip
