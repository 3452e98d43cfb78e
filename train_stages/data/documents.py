"""Documents of continued pre-training to token ids and labels, each after its transforms."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from train_stages.data.encode import IGNORED, Encoded, encode_labels, encode_texts
from train_stages.transforms.base import DocumentTransform, transformed_document


def encode_documents(
    tokenizer: Any,
    texts: Iterable[str],
    max_length: int,
    transforms: Sequence[DocumentTransform] = (),
    ids: Sequence[str] = (),
    seed: int = 0,
) -> Encoded:
    """Encode documents, each closed by the end token; loss falls on every token, but for what a transform only gives to read.

    Args:
        tokenizer: The model's.
        texts: The documents. One that is too long is cut into pieces; with transforms into such as leave half of the room.
        max_length: Longest row, in tokens.
        transforms: What is done to each piece.
        ids: Identity of each document, for what transforms draw.
        seed: Seed of the stage.

    Raises:
        TrainingError: No row is left.
    """
    if not transforms:
        return encode_texts(tokenizer, texts, max_length)
    rows, numbers = [], []
    for number, text in enumerate(texts):
        for at, piece in enumerate(_pieces(tokenizer, text, max(1, max_length // 2))):
            document = transformed_document(piece, transforms, seed, f"{ids[number]} {at}")
            given = _tokens(tokenizer, document.given)
            learned = [*_tokens(tokenizer, document.learned), tokenizer.eos_token_id]
            rows.append(([*given, *learned], [IGNORED] * len(given) + learned))
            numbers.append(number)
    encoded = encode_labels(rows, max_length)
    kept = [numbers[row] for row in encoded.table["row"].to_pylist()]
    at = encoded.table.column_names.index("row")
    table = encoded.table.set_column(at, encoded.table.field("row"), [kept])
    return Encoded(table, encoded.too_long, encoded.without_loss)


def _pieces(tokenizer: Any, text: str, length: int) -> list[str]:
    """The text in parts of so many tokens, cut where tokens begin."""
    starts = [
        at
        for at, _ in tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)[
            "offset_mapping"
        ]
    ]
    cuts = [0, *starts[length::length], len(text)]
    return [piece for low, high in itertools.pairwise(cuts) if (piece := text[low:high])]


def _tokens(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])
