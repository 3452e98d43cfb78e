"""An embedding by the name that a recipe gives it."""

from collections.abc import Sequence

from synth.embeddings.base import TF_IDF, Embedding
from synth.embeddings.static import StaticEmbedding
from synth.embeddings.tf_idf import TfIdf


def open_embedding(name: str, corpus: Sequence[str] = ()) -> Embedding:
    """Open an embedding.

    Args:
        name: `tf_idf`, or a static model: a folder, or `owner/model` of the Hugging Face Hub.
        corpus: Texts that say how common words are; only `tf_idf` uses them.

    Raises:
        EmbeddingError: model2vec is not installed, or what is named is no static model.
        CheckpointError: It is no folder and cannot be had from the Hub.
    """
    if name == TF_IDF:
        return TfIdf(corpus)
    return StaticEmbedding(name)
