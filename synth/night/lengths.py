"""Lengths of rows in tokens, by the tokenizer of the model that will learn them."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from storage.errors import CheckpointError
from storage.messages import said_in

FILE = "tokenizer.json"


def with_tokens(samples: pa.Table, checkpoint: Path | None) -> pa.Table:
    """Fill the column `tokens` of samples: their turns, response, rejected response and text, without a template's marks.

    Args:
        samples: Rows of the table `samples`.
        checkpoint: Folder of the model that will learn them; None, or one without tokenizer.json, leaves the column null, and
            only `words` say how long a row is.

    Raises:
        CheckpointError: The tokenizer cannot be read.
    """
    file = checkpoint / FILE if checkpoint is not None else None
    if file is None or not file.is_file() or not samples.num_rows:
        return samples
    counts = _count(file, [_text(row) for row in samples.select(_COLUMNS).to_pylist()])
    index = samples.schema.get_field_index("tokens")
    return samples.set_column(index, samples.schema.field(index), pa.array(counts, pa.int64()))


_COLUMNS = ["messages", "response", "rejected", "text"]


def _text(row: dict[str, Any]) -> list[str]:
    turns = [said_in(message) for message in row["messages"] or ()]
    return [text for text in (*turns, row["response"], row["rejected"], row["text"]) if text]


def _count(file: Path, rows: list[list[str]]) -> list[int]:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises bare exceptions
        raise CheckpointError(f"{file} cannot be read as a tokenizer: {error}") from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    encoded = iter(tokenizer.encode_batch_fast([text for row in rows for text in row], add_special_tokens=False))
    return [sum(len(next(encoded).ids) for _ in row) for row in rows]
