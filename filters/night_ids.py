"""The ids of a large night's rows in some thirty bytes each, in their order, and what is said of rows by their number.

A Python string with its places in a set and in a mapping takes ten times that, and a night has several of both.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T")


class NightIds(Sequence[str]):
    """Ids in ascending order, each once; whether one is among them is found by bisection.

    Args:
        parts: The ids, part after part. None ends with a zero character.
    """

    def __init__(self, parts: Iterable[Iterable[str]]) -> None:
        arrays = [np.array([sample_id.encode() for sample_id in part], np.bytes_) for part in parts]
        self._ids: npt.NDArray[np.bytes_] = np.concatenate(arrays) if arrays else np.zeros(0, "S1")

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, number: Any) -> Any:
        if isinstance(number, slice):
            return [sample_id.decode() for sample_id in self._ids[number].tolist()]
        return bytes(self._ids[number]).decode()

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self._ids), 10_000):
            yield from self[start : start + 10_000]

    def __contains__(self, sample_id: object) -> bool:
        return self._number(sample_id) is not None

    def index(self, sample_id: str, *_: int) -> int:
        """Return the number of the row of an id.

        Raises:
            ValueError: There is no such row.
        """
        number = self._number(sample_id)
        if number is None:
            raise ValueError(f"{sample_id!r} is not the id of a row of the night")
        return number

    def _number(self, sample_id: object) -> int | None:
        if not isinstance(sample_id, str):
            return None
        key = sample_id.encode("utf-8", "surrogatepass")
        number = int(np.searchsorted(self._ids, np.bytes_(key)))
        return number if number < len(self._ids) and self._ids[number] == key else None


class IdSet(AbstractSet[str]):
    """Some of a night's ids.

    Attributes:
        ids: All ids.
        chosen: Whether each is one of them.
    """

    def __init__(self, ids: NightIds, chosen: npt.NDArray[np.bool_]) -> None:
        self.ids, self.chosen = ids, chosen

    def __contains__(self, sample_id: object) -> bool:
        return isinstance(sample_id, str) and (n := self.ids._number(sample_id)) is not None and bool(self.chosen[n])

    def __iter__(self) -> Iterator[str]:
        return (self.ids[number] for number in np.flatnonzero(self.chosen).tolist())

    def __len__(self) -> int:
        return int(self.chosen.sum())


class ByNumber(Mapping[str, T], Generic[T]):
    """What is said of each row, made of the row's number when it is asked for.

    Attributes:
        ids: Ids of the rows.
        of: From the number of a row to what is said of it.
    """

    def __init__(self, ids: NightIds, of: Callable[[int], T]) -> None:
        self.ids, self.of = ids, of

    def __getitem__(self, sample_id: str) -> T:
        number = self.ids._number(sample_id)
        if number is None:
            raise KeyError(sample_id)
        return self.of(number)

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids)

    def __len__(self) -> int:
        return len(self.ids)


def lookup(ids: Sequence[str]) -> Container[str]:
    """Return ids as something in which one is found fast."""
    return ids if isinstance(ids, NightIds) else frozenset(ids)


def flags(ids: Sequence[str], chosen: AbstractSet[str] | None) -> npt.NDArray[np.uint8]:
    """Return 1 for each id that is chosen; None chooses all."""
    if chosen is None:
        return np.ones(len(ids), np.uint8)
    if isinstance(chosen, IdSet) and chosen.ids is ids:
        return chosen.chosen.astype(np.uint8)
    return np.fromiter((sample_id in chosen for sample_id in ids), np.uint8, len(ids))
