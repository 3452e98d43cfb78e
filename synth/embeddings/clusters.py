"""Groups of similar texts: an embedding, and k-means on it."""

import re
import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from synth.embeddings.base import Embedding, Vectors

MOST_COLUMNS = 2048
"""Columns of a sparse embedding that count, the most frequent ones; ours. A thousand texts are then eight megabytes."""
_NUMBER = re.compile(r"\d+")


def clustered(texts: Sequence[str], clusters: int, seed: int, embedding: Embedding) -> list[list[int]]:
    """Return the numbers of the texts of each cluster, the nearest to its centre first; the largest cluster first.

    Args:
        texts: Questions. Their numbers do not count: they say nothing about the kind of a question.
        clusters: How many clusters, at most; of fewer texts each is one of its own.
        seed: Of the first centres.
        embedding: What turns texts into vectors.
    """
    if len(texts) <= clusters:
        return [[number] for number in range(len(texts))]
    from scipy.cluster.vq import kmeans2

    matrix = _rows(embedding.encode([_NUMBER.sub(" ", text) for text in texts]))
    clusters = min(clusters, len(np.unique(matrix, axis=0)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a cluster that is left empty has no text to show
        centres, labels = kmeans2(matrix, clusters, minit="++", seed=np.random.default_rng(seed))
    distances = np.linalg.norm(matrix - centres[labels], axis=1)
    members = [np.flatnonzero(labels == label) for label in range(clusters)]
    ordered = [
        sorted(numbers.tolist(), key=lambda number: (round(float(distances[number]), 6), number)) for numbers in members
    ]
    return sorted((numbers for numbers in ordered if numbers), key=lambda numbers: (-len(numbers), numbers[0]))


def _rows(vectors: Vectors) -> npt.NDArray[np.float64]:
    """Vectors as rows of unit length, zero where nothing is left of them."""
    if isinstance(vectors, np.ndarray):
        return np.asarray(vectors, np.float64)
    columns, counts = np.unique(vectors.indices, return_counts=True)
    frequent = columns[np.lexsort((columns, -counts))][:MOST_COLUMNS]
    matrix: npt.NDArray[np.float64] = vectors[:, np.sort(frequent)].toarray().astype(np.float64)
    length = np.linalg.norm(matrix, axis=1, keepdims=True)
    unit: npt.NDArray[np.float64] = matrix / np.where(length == 0, 1, length)
    return unit
