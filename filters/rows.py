"""Rows of the `samples` table as the filters read them: by id, with every text safe to encode."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Any

import pyarrow as pa

from storage.messages import said_in
from storage.unknown_names import unknown
from synth.notes import Judgement, Notes, NotesError, PreferenceNotes, SftNotes, StepwiseNotes, read_notes

_COLUMNS = (
    *("sample_id", "night", "method", "kind", "problem_id", "task", "messages"),
    *("response", "rejected", "text", "steps", "labels", "answer", "gold_source", "notes", "attrs", "licenses"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One sample. The fields are the columns of `samples` of the same name.

    Attributes:
        messages: Role and text of each; the text of one that calls tools has the calls in it.
        broken: Whether a text of it was not valid UTF-8; it has been repaired with U+FFFD.
        calls_answered: Whether each call of a tool has its result right after it, and no result stands alone.
    """

    sample_id: str
    night: str | None
    method: str
    kind: str
    problem_id: str | None
    task: str
    messages: tuple[tuple[str, str], ...]
    response: str | None
    rejected: str | None
    text: str | None
    steps: tuple[str | None, ...] | None
    labels: tuple[bool | None, ...] | None
    answer: str | None
    gold_source: str | None
    notes_json: str | None
    attrs_json: str | None
    broken: bool = False
    licenses: tuple[str, ...] | None = None
    calls_answered: bool = True

    @property
    def notes(self) -> Notes:
        """What the method says of the row; nothing where it cannot be read, which `structure` rejects."""
        try:
            return read_notes(self.kind, self.notes_json, self.attrs_json)
        except NotesError:
            return Notes()

    @property
    def judgement(self) -> Judgement | None:
        """What the row judges, where its kind can."""
        notes = self.notes
        return notes.judgement if isinstance(notes, SftNotes | PreferenceNotes | StepwiseNotes) else None

    @property
    def asked(self) -> str:
        """The last user message: the problem as it was asked; empty when there is none."""
        return next((content for role, content in reversed(self.messages) if role == "user"), "")

    @property
    def learned(self) -> str:
        """The answer that is learned: `response`, or the last assistant turn of a chat that ends with one."""
        if self.response is not None:
            return self.response
        return self.messages[-1][1] if self.messages and self.messages[-1][0] == "assistant" else ""


def read_rows(samples: pa.Table) -> list[Row]:
    """Read a table of samples, in its order. Columns that are not there are read as null.

    Raises:
        ValueError: There is no column `sample_id`.
    """
    if "sample_id" not in samples.column_names:
        raise ValueError(unknown("column of samples", "sample_id", samples.column_names))
    table = samples.select([name for name in _COLUMNS if name in samples.column_names])
    try:
        return _rows(table)
    except UnicodeDecodeError:  # bytes that are no UTF-8, from a writer that did not check
        return [_repaired(table.slice(index, 1)) for index in range(table.num_rows)]


def _rows(table: pa.Table) -> list[Row]:
    return _of_columns({name: table[name].to_pylist() for name in table.column_names})


def _of_columns(columns: Mapping[str, Sequence[Any]]) -> list[Row]:
    return [_row(*cells) for cells in zip(*(columns.get(name, repeat(None)) for name in _COLUMNS), strict=False)]


def _row(
    sample_id: Any, night: Any, method: Any, kind: Any, problem_id: Any, task: Any, messages: Any, response: Any, rejected: Any,
    text: Any, steps: Any, labels: Any, answer: Any, gold_source: Any, notes: Any, attrs: Any, licenses: Any,
) -> Row:  # fmt: skip
    """Make a row of its cells, in the order of `_COLUMNS`; the order of the fields is that of `Row`."""
    return Row(
        _one_string(sample_id), _one_string(night), _one_string(method or ""), _one_string(kind or ""), problem_id,
        _one_string(task or ""), tuple((m["role"] or "", said_in(m)) if m else ("", "") for m in messages or ()), response,
        rejected, text, None if steps is None else tuple(steps), None if labels is None else tuple(labels), answer, gold_source,
        notes, attrs, False, None if licenses is None else tuple(licenses), not messages or _calls_answered(messages),
    )  # fmt: skip


def _one_string(text: Any) -> Any:
    """The same object for the same text: a large night's ids stand in several sets and mappings at once."""
    return sys.intern(text) if isinstance(text, str) else text


def _calls_answered(messages: Sequence[Any]) -> bool:
    """Whether the turns of the role `tool` answer the calls of the assistant's turn before them, each once and in order."""
    open_calls: list[str] = []
    for message in messages:
        if not message:
            continue
        if message["role"] == "tool":
            if not open_calls or message.get("tool_call_id") != open_calls.pop(0):
                return False
        elif open_calls:
            return False
        open_calls += [call["id"] for call in message.get("tool_calls") or ()]
    return not open_calls


def _repaired(table: pa.Table) -> Row:
    try:
        return _rows(table)[0]
    except UnicodeDecodeError:
        return replace(_of_columns({name: [_plain(table[name][0])] for name in table.column_names})[0], broken=True)


def _plain(value: Any) -> Any:
    """Turn an Arrow scalar into Python values, decoding text with U+FFFD for what is no UTF-8."""
    if not value.is_valid:
        return None
    if pa.types.is_string(value.type) or pa.types.is_large_string(value.type):
        return value.as_buffer().to_pybytes().decode("utf-8", "replace")
    if pa.types.is_list(value.type) or pa.types.is_large_list(value.type):
        return [_plain(item) for item in value]
    if pa.types.is_struct(value.type):
        return {name: _plain(value[name]) for name in value}
    return value.as_py()


def texts(row: Row) -> Sequence[str]:
    """Every text of a row that a model would read or write when it is trained on, without repeats."""
    parts = [content for _, content in row.messages]
    parts += [part for part in (row.response, row.rejected, row.text) if part]
    parts += [step for step in row.steps or () if step]
    return list(dict.fromkeys(part for part in parts if part))
