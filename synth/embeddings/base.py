"""What an embedding is."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

TF_IDF = "tf_idf"
"""The embedding that needs no weights."""

Vectors = Any
"""Rows of unit length (zero for a text without words): a float32 array, or a sparse matrix of scipy. Both have `a @ b.T`."""


class Embedding(Protocol):
    """Turns texts into vectors.

    Attributes:
        identity: What it is, with a digest of its weights: vectors of one identity can be kept and compared.
    """

    @property
    def identity(self) -> str:
        """See the class."""
        ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return a row for each text."""
        ...


def dense(vectors: Vectors) -> npt.NDArray[np.float32]:
    """Return vectors as an array; sparse ones lose the columns that none of them uses, which changes no product."""
    if isinstance(vectors, np.ndarray):
        return vectors
    used = np.unique(vectors.indices)
    return np.asarray(vectors[:, used].toarray(), np.float32)
