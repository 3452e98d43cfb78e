"""A static model of a few words, in the folder layout of model2vec."""

from pathlib import Path

import numpy as np

GROUPS = [["buys", "purchases"], ["car", "automobile"], ["doctor", "physician"], ["big", "large"]]
SYNONYMS = [("buys car", "purchases automobile"), ("doctor", "physician"), ("big", "large")]


def write_static_model(folder: Path, groups: list[list[str]] = GROUPS) -> Path:
    """Write a model in which the words of a group have one vector, and every group another."""
    from model2vec import StaticModel
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    words = ["[UNK]", *(word for group in groups for word in group)]
    tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    vectors = np.zeros((len(words), len(groups)), np.float32)
    row = 1
    for axis, group in enumerate(groups):
        vectors[row : row + len(group), axis] = 1
        row += len(group)
    StaticModel(vectors, tokenizer, normalize=True).save_pretrained(folder)
    return folder
