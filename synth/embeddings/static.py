"""Static embeddings: a vector per token, and their mean for a text (model2vec, https://github.com/MinishLab/model2vec).

A sentence encoder is distilled into one in minutes (`model2vec.distill`); then a text costs tens of microseconds.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from storage.errors import NightschoolError
from storage.ids import digest_files
from storage.models.hub import hub_folder
from synth.embeddings.base import Vectors

_FILES = ("model.safetensors", "tokenizer.json", "config.json")


class EmbeddingError(NightschoolError):
    """An embedding cannot be used: model2vec is missing, or what is named is no static model."""


class StaticEmbedding:
    """A static model of model2vec.

    Args:
        name: A folder, or `owner/model` of the Hugging Face Hub.

    Attributes:
        identity: `static@` and a digest of weights, tokenizer and configuration.

    Raises:
        EmbeddingError: model2vec is not installed, or what is named is no static model.
        CheckpointError: It is no folder and cannot be had from the Hub.
    """

    def __init__(self, name: str) -> None:
        try:
            from model2vec import StaticModel
        except ImportError:
            raise EmbeddingError(
                f"the embedding {name!r} needs model2vec: pip install 'nightschool[embeddings]'; or name tf_idf"
            ) from None
        folder = Path(name).expanduser()
        if not folder.is_dir():
            folder = hub_folder(name) or folder
        if missing := [file for file in _FILES if not (folder / file).is_file()]:
            raise EmbeddingError(f"the embedding {name!r} has no {missing[0]}; name the folder of a static model")
        try:
            self._model = StaticModel.from_pretrained(str(folder), force_download=False)
        except Exception as error:  # whatever reading weights of another kind raises
            raise EmbeddingError(
                f"the embedding {name!r} is no static model of model2vec ({type(error).__name__}: {error}); distil it first"
            ) from None
        self.identity = f"static@{digest_files([folder / file for file in _FILES], folder)[:16]}"

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return an array of shape (texts, dimensions) of float32, rows of unit length."""
        if not texts:
            return np.zeros((0, self._model.dim), np.float32)
        vectors = self._model.encode(list(texts), use_multiprocessing=False, max_length=None).astype(np.float32)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / np.where(lengths > 0, lengths, 1)
