"""Rows to token ids and labels. A label of -100 keeps a token out of the loss."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from storage.errors import TrainingError

IGNORED = -100


@dataclass(frozen=True, slots=True)
class Encoded:
    """Rows ready for a trainer.

    Attributes:
        table: Columns `input_ids`, `labels` and `length`.
        too_long: Rows left out because they are longer than `max_length`.
        without_loss: Rows left out because no token carries loss.
    """

    table: pa.Table
    too_long: int = 0
    without_loss: int = 0

    @property
    def tokens(self) -> int:
        """Tokens of all rows together."""
        return sum(self.table["length"].to_pylist())


def encode_conversations(tokenizer: Any, rows: Iterable[Sequence[dict[str, str]]], max_length: int) -> Encoded:
    """Encode chats with the model's template; only the assistant's turns, with their end tokens, carry loss.

    Raises:
        TrainingError: The template does not say where the assistant speaks and TRL knows no variant that does, or no
            row is left.
    """
    template = _training_template(tokenizer)
    kept: list[tuple[list[int], list[int]]] = []
    too_long = without_loss = 0
    for messages in rows:
        found = tokenizer.apply_chat_template(
            [{"role": m["role"], "content": m["content"]} for m in messages],
            chat_template=template,
            tokenize=True,
            return_dict=True,
            return_assistant_tokens_mask=True,
        )
        ids, mask = found["input_ids"], found["assistant_masks"]
        if len(ids) > max_length:
            too_long += 1
        elif not any(mask):
            without_loss += 1
        else:
            kept.append((ids, [token if told else IGNORED for token, told in zip(ids, mask, strict=True)]))
    return Encoded(_table(kept), too_long, without_loss)


def encode_texts(tokenizer: Any, texts: Iterable[str], max_length: int) -> Encoded:
    """Encode documents, each closed by the end token; every token carries loss, long ones are cut into pieces.

    Raises:
        TrainingError: No row is left.
    """
    kept: list[tuple[list[int], list[int]]] = []
    for text in texts:
        ids = [*tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"], tokenizer.eos_token_id]
        pieces = [ids[start : start + max_length] for start in range(0, len(ids), max_length)]
        kept.extend((piece, piece) for piece in pieces if len(piece) > 1)
    return Encoded(_table(kept))


def _training_template(tokenizer: Any) -> str | None:
    """None when the model's own template marks the assistant's turns, else TRL's variant of it that does."""
    from trl.chat_template_utils import get_training_chat_template

    if not tokenizer.chat_template:
        raise TrainingError("this checkpoint has no chat template; fine-tune an instruct model, or add a template")
    try:
        template: str | None = get_training_chat_template(tokenizer)
    except ValueError as error:
        raise TrainingError(
            "the chat template of this checkpoint does not mark the assistant's turns with {% generation %}, and TRL "
            f"has no variant of it that does: add the markers to chat_template.jinja ({error})"
        ) from error
    return template


def _table(rows: list[tuple[list[int], list[int]]]) -> pa.Table:
    if not rows:
        raise TrainingError("no row to train on is left")
    return pa.table(
        {
            "input_ids": pa.array([ids for ids, _ in rows], pa.list_(pa.int32())),
            "labels": pa.array([labels for _, labels in rows], pa.list_(pa.int32())),
            "length": pa.array([len(ids) for ids, _ in rows], pa.int32()),
        }
    )


def to_dataset(table: pa.Table) -> Any:
    """A `datasets.Dataset` over the table, in memory."""
    import datasets

    # Without a fingerprint, datasets would hash by pickling; lengths and the first rows are identity enough here,
    # because nothing of it is cached on disk.
    mark = hashlib.sha256(repr((table.num_rows, table["length"].to_pylist()[:1000])).encode()).hexdigest()[:16]
    return datasets.Dataset(table, fingerprint=mark)
