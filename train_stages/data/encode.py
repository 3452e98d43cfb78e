"""Rows to token ids and labels. A label of -100 keeps a token out of the loss."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from storage.errors import TrainingError
from storage.messages import Message, chat_of
from train_stages.data.turns import Renderer, Turns

IGNORED = -100


@dataclass(frozen=True, slots=True)
class Encoded:
    """Rows ready for a trainer.

    Attributes:
        table: Columns `input_ids`, `labels`, `length`, and `row`, the number of the row it was made from.
        too_long: Rows left out because they are longer than `max_length`.
        without_loss: Rows left out because no token carries loss.
    """

    table: pa.Table
    too_long: int = 0
    without_loss: int = 0

    @property
    def tokens(self) -> int:
        """Tokens of all rows together."""
        return sum(self.lengths)

    @property
    def lengths(self) -> list[int]:
        """Tokens of each row."""
        lengths: list[int] = self.table["length"].to_pylist()
        return lengths

    @property
    def digest(self) -> str:
        """Digest of tokens and labels, in their order."""
        total = hashlib.sha256()
        for name in ("input_ids", "labels", "length"):
            column = self.table[name].combine_chunks()
            values = column if name == "length" else column.flatten()
            total.update(values.to_numpy(zero_copy_only=False).tobytes())
        return total.hexdigest()[:32]


Spans = Sequence[tuple[int, int]]
"""Parts of a text, as character positions from (inclusive) and to (exclusive)."""


def encode_conversations(
    tokenizer: Any,
    rows: Iterable[Sequence[Message]],
    max_length: int,
    spans: Sequence[Spans | None] | None = None,
    given: Sequence[int] | None = None,
    template: Mapping[str, Any] | None = None,
    tools: Sequence[str | None] | None = None,
) -> Encoded:
    """Encode chats as a server shows them to the model; only the assistant's turns, with their ends, carry loss.

    Args:
        tokenizer: The model's.
        rows: One chat each.
        max_length: A longer row is left out, and counted.
        spans: For each row, the parts of its last turn that carry loss; None means all of it, and every other turn of
            the assistant. A token carries loss when it begins within a part.
        template: What the chat template is told besides the chat.
        given: For each row, how many turns at its start are given, the assistant's among them, and carry no loss.
        tools: For each row, the schemas of the tools that it may call, JSON text; None where it has none.

    Raises:
        TrainingError: There is no chat template, it drops or changes a turn, or no row is left.
    """
    renderer, encoder = Renderer(tokenizer, template), _Rows(max_length)
    for number, messages in enumerate(rows):
        chat = chat_of(messages)
        offered = tools[number] if tools is not None else None
        schemas = json.loads(offered) if offered else None
        turns = renderer.turns(chat, given[number] if given is not None else 0, schemas)
        wanted = spans[number] if spans is not None else None
        ids, mask = _masked(tokenizer, turns, turns.learned if wanted is None else (), _parts(turns, chat, wanted))
        encoder.add(number, ids, [token if learned else IGNORED for token, learned in zip(ids, mask, strict=True)])
    return encoder.encoded()


def split_ids(tokenizer: Any, turns: Turns) -> tuple[list[int], list[int]]:
    """Return the tokens of a row's prompt, as a server shows them, and those that the model writes after it."""
    ids, mask = _masked(tokenizer, turns, (), None)
    asked = mask.index(True) if True in mask else len(ids)
    return ids[:asked], ids[asked:]


def _masked(tokenizer: Any, turns: Turns, earlier: Spans, parts: Spans | None) -> tuple[list[int], list[bool]]:
    """Tokens of a row, and whether each carries loss.

    The prompt's are those that a server shows, also where the row's text as a whole would be cut otherwise at its end.

    Args:
        tokenizer: The model's.
        turns: The row.
        earlier: Parts of the prompt that carry loss.
        parts: Parts of the reply that do; None means all of it.
    """
    options = {"add_special_tokens": False, "return_offsets_mapping": True, "verbose": False}
    served = tokenizer(turns.prompt, **options)
    whole = tokenizer(turns.prompt + turns.reply, **options)
    border, shift = len(served["input_ids"]), 0
    ids, starts = list(whole["input_ids"]), [at for at, _ in whole["offset_mapping"]]
    if ids[:border] == list(served["input_ids"]):
        ids, starts, shift = ids[border:], starts[border:], len(turns.prompt)
    else:
        reply = tokenizer(turns.reply, **options)
        ids, starts = list(reply["input_ids"]), [at for at, _ in reply["offset_mapping"]]
    asked = [any(low <= at < high for low, high in earlier) for at, _ in served["offset_mapping"]]
    learned = [parts is None or any(low <= at - shift < high for low, high in parts) for at in starts]
    return [*served["input_ids"], *ids], [*asked, *learned]


def _parts(turns: Turns, chat: Sequence[Message], wanted: Spans | None) -> Spans | None:
    """The wanted parts of a row's last turn as parts of its reply; None means all of it.

    Raises:
        TrainingError: The template changes the turn.
    """
    if wanted is None:
        return None
    start = turns.reply.find(chat[-1]["content"])
    if start < 0:
        raise TrainingError("the chat template changes the text of a turn, so parts of it cannot be told from the rest")
    return tuple((start + low, start + high) for low, high in wanted)


def encode_labels(rows: Iterable[tuple[Sequence[int], Sequence[int]]], max_length: int) -> Encoded:
    """Take ready token ids and labels (-100 carries no loss) as they are.

    Raises:
        TrainingError: A row has not as many labels as tokens, or no row is left.
    """
    encoder = _Rows(max_length)
    for number, (ids, labels) in enumerate(rows):
        if len(ids) != len(labels):
            raise TrainingError(f"row {number} has {len(ids)} input_ids and {len(labels)} labels; give one for each")
        encoder.add(number, list(ids), list(labels))
    return encoder.encoded()


def encode_texts(tokenizer: Any, texts: Iterable[str], max_length: int) -> Encoded:
    """Encode documents, each closed by the end token; every token carries loss, long ones are cut into pieces.

    Raises:
        TrainingError: No row is left.
    """
    encoder = _Rows(max_length)
    for number, text in enumerate(texts):
        ids = [*tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"], tokenizer.eos_token_id]
        pieces = [ids[start : start + max_length] for start in range(0, len(ids), max_length)]
        for piece in pieces:
            if len(piece) > 1:
                encoder.add(number, piece, piece)
    return encoder.encoded()


class _Rows:
    """Collects rows, and counts those that cannot be learned from."""

    def __init__(self, max_length: int) -> None:
        self._max_length = max_length
        self._kept: list[tuple[int, list[int], list[int]]] = []
        self._too_long = self._without_loss = 0

    def add(self, number: int, ids: list[int], labels: list[int]) -> None:
        if len(ids) > self._max_length:
            self._too_long += 1
        elif all(label == IGNORED for label in labels[1:]):  # nothing predicts the first token
            self._without_loss += 1
        else:
            self._kept.append((number, ids, labels))

    def encoded(self) -> Encoded:
        if not self._kept:
            raise TrainingError(
                f"no row to train on is left: {self._too_long} are longer than max_length = {self._max_length}, "
                f"{self._without_loss} have no token that carries loss"
            )
        table = pa.table(
            {
                "input_ids": pa.array([ids for _, ids, _ in self._kept], pa.list_(pa.int32())),
                "labels": pa.array([labels for _, _, labels in self._kept], pa.list_(pa.int32())),
                "length": pa.array([len(ids) for _, ids, _ in self._kept], pa.int32()),
                "row": pa.array([number for number, _, _ in self._kept], pa.int64()),
            }
        )
        return Encoded(table, self._too_long, self._without_loss)


def show_loss(tokenizer: Any, encoded: Encoded, row: int = 0) -> str:
    """One row as text in which what carries loss stands between >> and <<."""
    parts: list[tuple[bool, list[int]]] = []
    ids, labels = encoded.table["input_ids"][row].as_py(), encoded.table["labels"][row].as_py()
    for token, label in zip(ids, labels, strict=True):
        learned = label != IGNORED
        if not parts or parts[-1][0] != learned:
            parts.append((learned, []))
        parts[-1][1].append(token)
    return "".join(f">>{tokenizer.decode(part)}<<" if learned else tokenizer.decode(part) for learned, part in parts)


def wrap(encoded: Encoded, order: Sequence[int], max_length: int) -> tuple[Encoded, list[list[int]]]:
    """Run rows one after the other without a gap and cut at `max_length`; documents see each other.

    Returns:
        The sequences, and for each of them, by its number, the rows (as `encoded` numbers them) that lie in it.
    """
    columns = [encoded.table[name].to_pylist() for name in ("input_ids", "labels", "row")]
    rows = [tuple(column[index] for column in columns) for index in order]
    ids = [token for row_ids, _, _ in rows for token in row_ids]
    labels = [label for _, row_labels, _ in rows for label in row_labels]
    numbers = [number for row_ids, _, number in rows for _ in row_ids]
    sequences, members = _Rows(max_length), []
    for number, start in enumerate(range(0, len(ids), max_length)):
        part = slice(start, start + max_length)
        sequences.add(number, ids[part], labels[part])
        members.append(list(dict.fromkeys(numbers[part])))
    return sequences.encoded(), members


def to_dataset(table: pa.Table, columns: Mapping[str, Sequence[float]] | None = None) -> Any:
    """A `datasets.Dataset` over tokens and labels, and further columns, in memory."""
    import datasets

    # Without a fingerprint, datasets would hash by pickling; lengths and the first rows are identity enough here,
    # because nothing of it is cached on disk.
    mark = hashlib.sha256(repr((table.num_rows, table["length"].to_pylist()[:1000])).encode()).hexdigest()[:16]
    table = table.select(["input_ids", "labels"])
    for name, values in (columns or {}).items():
        table = table.append_column(name, pa.array(values, pa.float32()))
    return datasets.Dataset(table, fingerprint=mark)
