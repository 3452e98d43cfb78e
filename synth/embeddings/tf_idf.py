"""TF-IDF of words: near texts share rare words. Without weights, and blind to synonyms.

`sublinear_tf` and the smoothed `idf` are those of scikit-learn's `TfidfVectorizer` (Pedregosa et al., 2011).
"""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import xxhash

from storage.ids import digest
from synth.embeddings.base import TF_IDF, Vectors

COLUMNS = 1 << 22
"""Words are hashed into so many columns; two of a text's hundred words meet once in eight hundred texts."""
_WORD = re.compile(r"\w+")


class TfIdf:
    """TF-IDF of single words.

    Args:
        corpus: Texts that say how common words are. A word that is in none of them is as rare as can be.

    Attributes:
        identity: Changes with the corpus.
    """

    def __init__(self, corpus: Sequence[str]) -> None:
        having = Counter(column for text in corpus for column in set(_columns(text)))
        self._rarest = np.log(1 + len(corpus)) + 1
        self._idf = {column: np.log((1 + len(corpus)) / (1 + texts)) + 1 for column, texts in having.items()}
        self.identity = f"{TF_IDF}@{digest(len(corpus), sorted(having.items()), length=16)}"

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return a sparse row of unit length for each text."""
        from scipy.sparse import csr_matrix

        columns: list[int] = []
        values: list[float] = []
        ends = [0]
        for text in texts:
            counts = Counter(_columns(text))
            row = np.array([(1 + np.log(n)) * self._idf.get(column, self._rarest) for column, n in counts.items()])
            columns += counts
            values += (row / np.linalg.norm(row)).tolist() if len(row) else []
            ends.append(len(columns))
        return csr_matrix((np.array(values, np.float32), columns, ends), shape=(len(texts), COLUMNS))


def _columns(text: str) -> list[int]:
    words = _WORD.findall(text.casefold())
    return [xxhash.xxh32_intdigest(word.encode("utf-8", "replace")) % COLUMNS for word in words]
