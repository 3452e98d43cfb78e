"""Whether a question keeps to its concept, by the page that is retrieved for the concept.

The paper retrieves pages for each question and drops what is too far from its concept; what it retrieves from and how far is too
far we have not read. Here pages are the passages of the source `documents` among the night's problems, and the least like are
those below a percentile of the night's questions.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from synth.embeddings.base import Vectors
from synth.embeddings.opening import open_embedding
from synth.problems.base import Problem


class Page(NamedTuple):
    """The page of a question's concept.

    Attributes:
        problem_id: The passage.
        similarity: Cosine of the question and the passage; 0 where they have nothing in common.
    """

    problem_id: str
    similarity: float


def retrieve(
    concepts: Sequence[str], questions: Sequence[str], passages: Sequence[Problem], embedding: str
) -> list[Page]:
    """Return for each concept the passage that is most like it, the first of equals, and how like it the question is.

    Args:
        concepts: Each with its subject, as text.
        questions: The question about each.
        passages: Pages to retrieve from, at least one.
        embedding: Name of the embedding, see `synth.embeddings.opening`.

    Raises:
        EmbeddingError: The embedding cannot be opened.
    """
    texts = [passage.prompt for passage in passages]
    opened = open_embedding(embedding, texts)
    pages = opened.encode(texts)
    near = _products(opened.encode(concepts), pages).argmax(axis=1)
    like = _products(opened.encode(questions), pages)
    return [Page(passages[page].id, round(float(like[number, page]), 4)) for number, page in enumerate(near.tolist())]


def least_similarity(pages: Sequence[Page], percent: float) -> float:
    """Return the percentile of the similarities below which a question is too far from its page."""
    return float(np.percentile([page.similarity for page in pages], percent)) if pages else 0.0


def _products(left: Vectors, right: Vectors) -> npt.NDArray[np.float64]:
    products = left @ right.T
    return np.asarray(products if isinstance(products, np.ndarray) else products.toarray())
