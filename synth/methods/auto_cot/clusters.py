"""Groups of similar questions: TF-IDF of their words, and k-means on it.

The authors embed questions with a sentence encoder; words need no weights and no network, and find the same when questions of a
kind share their words.
"""

import re
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

MOST_WORDS = 2048
"""Words of the vocabulary, the most frequent ones; ours. A thousand questions are then eight megabytes."""
_WORD = re.compile(r"[^\W\d_]+")


def clustered(texts: Sequence[str], clusters: int, seed: int) -> list[list[int]]:
    """Return the numbers of the texts of each cluster, the nearest to its centre first; the largest cluster first.

    Args:
        texts: Questions.
        clusters: How many clusters, at most; of fewer texts each is one of its own.
        seed: Of the first centres.
    """
    if len(texts) <= clusters:
        return [[number] for number in range(len(texts))]
    import numpy as np
    from scipy.cluster.vq import kmeans2

    matrix = _tf_idf(texts)
    clusters = min(clusters, len(np.unique(matrix, axis=0)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a cluster that is left empty has no question to show
        centres, labels = kmeans2(matrix, clusters, minit="++", seed=np.random.default_rng(seed))
    distances = np.linalg.norm(matrix - centres[labels], axis=1)
    members = [np.flatnonzero(labels == label) for label in range(clusters)]
    ordered = [
        sorted(numbers.tolist(), key=lambda number: (round(float(distances[number]), 9), number)) for numbers in members
    ]
    return sorted((numbers for numbers in ordered if numbers), key=lambda numbers: (-len(numbers), numbers[0]))


def _tf_idf(texts: Sequence[str]) -> Any:
    """Rows of unit length: words counted, less the more texts have them. An array of texts by words."""
    import numpy as np

    counts = [Counter(word.casefold() for word in _WORD.findall(text)) for text in texts]
    having = Counter(word for words in counts for word in words)
    frequent = sorted(having.items(), key=lambda item: (-item[1], item[0]))[:MOST_WORDS]
    columns = {word: column for column, (word, _) in enumerate(frequent)}
    matrix = np.zeros((len(texts), max(len(columns), 1)))
    for row, words in enumerate(counts):
        for word, times in words.items():
            if word in columns:
                matrix[row, columns[word]] = times * (np.log((1 + len(texts)) / (1 + having[word])) + 1)
    length = np.linalg.norm(matrix, axis=1, keepdims=True)
    return matrix / np.where(length == 0, 1, length)
