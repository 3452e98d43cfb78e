"""A mixture of sources by tokens, in one phase or several, with a cap on how often each source is repeated.

Sources: two-phase blends with epochs per source as the quantity that is kept (arXiv:2412.15285), and replay of general
text against forgetting and the stability gap (arXiv:2406.14833). A weight is a share of a phase's tokens. What a cap
leaves free goes to the other sources pro rata; when all are capped, the training gets shorter, and says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from storage.errors import RecipeError
from storage.unknown_names import unknown
from train_stages.config import MixtureConfig
from train_stages.orders.base import Order

ROWS = "rows"
"""Weight of everything that no other key names."""


@dataclass(frozen=True, slots=True)
class Blend:
    """Tokens of each source in each phase.

    Attributes:
        phases: Tokens by source, a mapping per phase.
        sizes: Tokens that each source has.
    """

    phases: list[dict[str, float]]
    sizes: Mapping[str, int]

    @property
    def tokens(self) -> float:
        """Tokens of all phases together."""
        return sum(sum(phase.values()) for phase in self.phases)

    @property
    def epochs(self) -> dict[str, float]:
        """Passes over each source."""
        return {name: sum(phase.get(name, 0.0) for phase in self.phases) / size for name, size in self.sizes.items()}


def blend(sizes: Mapping[str, int], config: MixtureConfig, total: float) -> Blend:
    """Divide `total` tokens among sources and phases.

    Raises:
        RecipeError: A weight or a cap names a source that is not there.
    """
    used = dict.fromkeys(sizes, 0.0)
    phases = []
    whole = sum(phase.share for phase in config.phases)
    for phase in config.phases:
        weights = _spread(phase.weights, sizes)
        room = {name: config.cap(name) * size - used[name] for name, size in sizes.items()}
        given = _fill(weights, room, phase.share / whole * total)
        for name, tokens in given.items():
            used[name] += tokens
        phases.append(given)
    for name in config.most_epochs:
        if name not in (*sizes, ROWS):
            raise RecipeError(f"cpt.mixture.most_epochs: {unknown('source', name, sizes)}")
    return Blend(phases, sizes)


def _spread(weights: Mapping[str, float], sizes: Mapping[str, int]) -> dict[str, float]:
    """Give each source its weight; that of `rows` is spread over the sources nobody names, by their size."""
    for name in weights:
        if name not in sizes and name != ROWS:
            raise RecipeError(f"cpt.mixture: {unknown('source', name, [*sizes, ROWS])}")
    named_weights = {name: weight for name, weight in weights.items() if name in sizes}
    others = {name: size for name, size in sizes.items() if name not in weights}
    rest = 0.0 if ROWS in sizes else weights.get(ROWS, 0.0)
    return named_weights | {name: rest * size / sum(others.values()) for name, size in others.items() if rest}


def _fill(weights: Mapping[str, float], room: Mapping[str, float], tokens: float) -> dict[str, float]:
    """Divide tokens by weight; a source that is full gives what is over to the others."""
    given = dict.fromkeys(weights, 0.0)
    open_sources = {name for name, weight in weights.items() if weight > 0 and room[name] > 0}
    while open_sources:
        total = sum(weights[name] for name in open_sources)
        full = {name for name in open_sources if tokens * weights[name] / total >= room[name]}
        if not full:
            for name in open_sources:
                given[name] = tokens * weights[name] / total
            break
        for name in full:
            given[name] = max(0.0, room[name])
            tokens -= given[name]
        open_sources -= full
    return given


def mixed_order(plan: Blend, sources: Sequence[str], lengths: Sequence[int], seed: int) -> Order:
    """Say which row comes when: phase after phase, at random within one.

    A source is gone through permutation after permutation, across phases, so that none of its rows is seen twice before
    all were seen once.

    Args:
        plan: Tokens by source and phase.
        sources: Source of each row.
        lengths: Tokens of each row.
        seed: Seed of the permutations.
    """
    rng = np.random.default_rng([seed, 0x317])
    names, sizes = np.asarray(sources), np.asarray(lengths)
    streams = {name: _Stream(np.flatnonzero(names == name), sizes, rng) for name in plan.sizes}
    order: list[np.ndarray] = []
    for phase in plan.phases:
        drawn = np.concatenate([streams[name].take(tokens) for name, tokens in sorted(phase.items())])
        order.append(rng.permutation(drawn))
    return np.concatenate(order).astype(np.int64)


class _Stream:
    """Rows of one source without an end; what it owes or is owed by whole rows is carried over."""

    def __init__(self, rows: np.ndarray, sizes: np.ndarray, rng: np.random.Generator) -> None:
        self._rows, self._sizes, self._rng = rows, sizes, rng
        self._queue: list[int] = []
        self._owed = 0.0

    def take(self, tokens: float) -> np.ndarray:
        self._owed += tokens
        taken: list[int] = []
        while True:
            if not self._queue:
                self._queue = self._rng.permutation(self._rows).tolist()
            size = int(self._sizes[self._queue[-1]])
            if size / 2 > self._owed:  # the nearest whole row
                return np.array(taken, dtype=np.int64)
            taken.append(self._queue.pop())
            self._owed -= size
