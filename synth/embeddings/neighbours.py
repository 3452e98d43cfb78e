"""The nearest of many vectors, found exactly: one product of each two, a block at a time."""

from dataclasses import dataclass

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


def nearest(queries: Vectors, vectors: Vectors, *, most: int, least: float) -> Neighbours:
    """Find the nearest vectors of each query.

    Args:
        queries: Rows of unit length.
        vectors: Rows of unit length, of the same embedding.
        most: Most neighbours of a query.
        least: Cosine that a neighbour must reach.
    """
    parts = []
    block = max(1, _PRODUCTS // max(1, vectors.shape[0]))
    for start in range(0, queries.shape[0] if vectors.shape[0] else 0, block):
        products = queries[start : start + block] @ vectors.T
        table = np.asarray(products if isinstance(products, np.ndarray) else products.toarray(), np.float64).round(4)
        if table.shape[1] > most:
            border = np.partition(table, -most, axis=1)[:, -most, None]  # equals of the last are kept for now
            table = np.where(table >= border, table, -2)
        at, rows = np.nonzero(table >= least)
        parts.append((at + start, rows, table[at, rows]))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)] if parts else [np.zeros(0)] * 3
    order = np.lexsort((columns[1], -columns[2], columns[0]))
    asked, rows, similarity = (column[order] for column in columns)
    rank = np.arange(len(asked)) - np.searchsorted(asked, asked)
    kept = rank < most
    return Neighbours(asked[kept].astype(np.int64), rows[kept].astype(np.int64), similarity[kept])
