"""In which order rows are learned from: curricula, and two-set repetition. An order is an array of row numbers.

Rows are described by a difficulty, a subject and a position; an order repeats rows when more visits are asked for than
there are rows. Every order is a function of its seed, so a resumed stage goes on with the one it began.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from storage.errors import TrainingError
from train_stages.config import OrderConfig

Order = NDArray[np.int64]


def order_rows(
    visits: int,
    config: OrderConfig,
    *,
    difficulty: Sequence[float],
    subjects: Sequence[str] | None = None,
    seed: int = 0,
) -> Order:
    """Say which row is learned from at each of `visits` visits.

    Args:
        visits: How many; more than there are rows means further passes.
        config: Strategy and its settings.
        difficulty: Of each row, larger is harder. Ties are broken at random.
        subjects: Of each row, for `blocked` and `interleaved`.
        seed: Seed of everything random in it.

    Raises:
        TrainingError: There are no rows.
    """
    count = len(difficulty)
    if not count:
        raise TrainingError("there is no row to put in order")
    rng = np.random.default_rng([seed, 0x0D3E])
    hard = np.asarray(difficulty, dtype=float)
    if config.strategy == "two_set":
        return two_set(count, visits, config, rng)
    if config.strategy == "cyclical":
        return cyclical(visits, hard, config, rng)
    names = list(subjects) if subjects is not None else [""] * count
    passes = []
    for _ in range(-(-visits // count)):
        shuffled = rng.permutation(count)
        if config.strategy == "easy_to_hard":
            shuffled = shuffled[np.argsort(hard[shuffled], kind="stable")]
        elif config.strategy == "hard_to_easy":
            shuffled = shuffled[np.argsort(-hard[shuffled], kind="stable")]
        elif config.strategy == "blocked":
            shuffled = np.array(sorted(shuffled, key=lambda row: (names[row], hard[row])), dtype=np.int64)
        elif config.strategy == "interleaved":
            shuffled = interleave(shuffled, hard, names)
        passes.append(shuffled)
    return np.concatenate(passes)[:visits].astype(np.int64)


def interleave(rows: Order, difficulty: NDArray[np.float64], subjects: Sequence[str]) -> Order:
    """All subjects advance together: level after level, and round robin over the subjects within a level.

    Source: CORGI's global interleaving (arXiv:2310.09518).
    """
    turn: dict[tuple[float, str], int] = {}
    keys = []
    for row in rows.tolist():
        place = (float(difficulty[row]), subjects[row])
        turn[place] = turn.get(place, -1) + 1
        keys.append((place[0], turn[place], place[1], row))
    return np.array([key[3] for key in sorted(keys)], dtype=np.int64)


def pacing(config: OrderConfig, budget: float) -> list[float]:
    """Sizes of the cycles as shares of the rows: up to `end`, down to `start`, and again, until `budget` passes are full.

    Source: Cyclical Curriculum Learning, the authors' code. With the defaults: 0.25, 0.5, 1, 0.5, 0.25, 0.5, ...
    """
    sizes, size, rising = [config.start], config.start, True
    while sum(sizes) < budget:
        if size >= config.end:
            rising = False
        elif size <= config.start:
            rising = True
        size = min(size / config.alpha, config.end) if rising else max(size * config.alpha, config.start)
        sizes.append(size)
    return sizes


def cyclical(visits: int, difficulty: NDArray[np.float64], config: OrderConfig, rng: np.random.Generator) -> Order:
    """Draw each cycle without replacement, an easy row with a higher probability.

    The easiness of a row is its rank from the hard end: our stand-in for the paper's softmax score of a trained model.
    """
    count = len(difficulty)
    ranks = np.argsort(np.argsort(-difficulty, kind="stable"), kind="stable") + 1.0
    share = ranks / ranks.sum()
    drawn = [
        rng.choice(count, size=max(1, round(size * count)), replace=False, p=share)
        for size in pacing(config, visits / count)
    ]
    while sum(map(len, drawn)) < visits:
        drawn.append(rng.choice(count, size=max(1, round(config.end * count)), replace=False, p=share))
    return np.concatenate(drawn)[:visits].astype(np.int64)


def two_set(count: int, visits: int, config: OrderConfig, rng: np.random.Generator) -> Order:
    """Repeat a small, fixed, random set of rows among single-use ones (arXiv:2410.07041).

    A draw comes from the set with the given probability, until each of its rows was seen `most_repeats` times; the other
    rows are used once each before any is used again.
    """
    shuffled = rng.permutation(count)
    size = min(max(1, round(config.share * count)), count)
    small, rest = shuffled[:size], shuffled[size:]
    if not len(rest):
        return np.resize(small, visits).astype(np.int64)
    chosen = rng.random(visits) < config.probability
    chosen[np.cumsum(chosen) > config.most_repeats * size] = False
    order = np.empty(visits, dtype=np.int64)
    order[chosen] = _passes(small, int(chosen.sum()), rng)
    order[~chosen] = _passes(rest, visits - int(chosen.sum()), rng)
    return order


def _passes(rows: Order, visits: int, rng: np.random.Generator) -> Order:
    """Permutation after permutation, so that no row is seen twice before all were."""
    if not visits:
        return np.empty(0, dtype=np.int64)
    return np.concatenate([rng.permutation(rows) for _ in range(-(-visits // len(rows)))])[:visits]


def kendall_tau(order: Order, difficulty: Sequence[float]) -> float:
    """Rank correlation (tau-b) between the place in the order and the difficulty: 1 is easy to hard, 0 unrelated."""
    from scipy.stats import kendalltau

    hard = np.asarray(difficulty, dtype=float)[order]
    if len(order) < 2 or (hard == hard[0]).all():
        return 0.0
    return float(kendalltau(np.arange(len(order)), hard).statistic)
