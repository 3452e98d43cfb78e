"""The nearest of many vectors, found exactly: one product of each two, a block at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synth.embeddings.base import Vectors

_PRODUCTS = 1 << 23
"""Products that are in memory at a time (32 MiB)."""


@dataclass(frozen=True)
class Neighbours:
    """Pairs of a query and a vector near it: by query, the nearest first.

    Attributes:
        queries: Row of the query.
        rows: Row of the vector.
        similarity: Cosine of both, rounded to 4 digits so that the size of a block changes nothing.
    """

    queries: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    similarity: npt.NDArray[np.float64]


def nearest(
    queries: Sequence[Vectors], vectors: Sequence[Vectors], *, most: int, least: float, weights: Sequence[float] = (1,)
) -> Neighbours:
    """Find the nearest vectors of each query.

    Args:
        queries: Rows of unit length; several embeddings of the same texts may be given.
        vectors: Rows of unit length, of the same embeddings.
        most: Most neighbours of a query.
        least: Cosine that a neighbour must reach; of several embeddings, the mean by `weights`.
        weights: What each embedding counts.
    """
    parts: list[tuple[Any, Any, Any]] = []
    count = vectors[0].shape[0]
    block = max(1, _PRODUCTS // max(1, count))
    for start in range(0, queries[0].shape[0] if count else 0, block):
        table = np.zeros((len(range(start, min(start + block, queries[0].shape[0]))), count))
        for ours, theirs, weight in zip(queries, vectors, weights, strict=True):
            products = ours[start : start + block] @ theirs.T
            table += weight * (products if isinstance(products, np.ndarray) else products.toarray())
        table = table.round(4)
        if count > most:
            border = np.partition(table, -most, axis=1)[:, -most, None]  # equals of the last are kept for now
            table = np.where(table >= border, table, -np.inf)
        at, rows = np.nonzero(table >= least)
        parts.append((at + start, rows, table[at, rows]))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)] if parts else [np.zeros(0)] * 3
    order = np.lexsort((columns[1], -columns[2], columns[0]))
    asked, kept_rows, similarity = (column[order] for column in columns)
    rank = np.arange(len(asked)) - np.searchsorted(asked, asked)
    kept = rank < most
    return Neighbours(asked[kept].astype(np.int64), kept_rows[kept].astype(np.int64), similarity[kept])
