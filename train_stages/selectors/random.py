"""Rows by lot: the control that every other selector has to beat."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from train_stages.selectors.base import Selector, Stream


class Random(Selector):
    """Learn from a share of the rows, drawn by lot, whatever their loss is. Nothing else is looked at."""

    name: ClassVar[str] = "random"
    neutral: ClassVar[Mapping[str, Any] | None] = {"share": 1.0}

    share: float = Field(gt=0, le=1, description="Of the rows; take what another selector has learned from.")

    def begin(self, rows: int, seed: int) -> Stream:
        """Begin a stream of draws."""
        return _Draws(self.share, seed)


class _Draws(Stream):
    def __init__(self, share: float, seed: int) -> None:
        self._share, self._seed, self._seen = share, seed, 0

    def looks(self, rows: Sequence[Sequence[int]]) -> list[bool]:
        draws = [
            np.random.default_rng([self._seed, 0x5E1, self._seen + number]).random() for number in range(len(rows))
        ]
        self._seen += len(rows)
        return [draw < self._share for draw in draws]

    def learns(self, rows: Sequence[Sequence[int]], losses: Sequence[float]) -> list[bool]:
        return [True] * len(rows)

    def state(self) -> dict[str, Any]:
        return {"seen": self._seen}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._seen = int(state["seen"])
