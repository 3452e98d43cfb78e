"""The content hash of a release: SHA-256 of its rows in the order of their ids, a JSON line each.

A line is what `json.dumps(row, sort_keys=True, ensure_ascii=False)` writes, and is put together column by column: orjson escapes a
text eight times as fast, but writes no spaces and other numbers.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import orjson
import pyarrow as pa

from storage.messages import plain

CONTENT = ("sample_id", "messages", "response", "rejected", "text", "steps", "labels")
"""Columns that the content hash covers."""

_LINE = b'{"labels": %b, "messages": %b, "rejected": %b, "response": %b, "sample_id": %b, "steps": %b, "text": %b}\n'


class ContentHash:
    """Digest of rows that come in the order of their ids."""

    def __init__(self) -> None:
        self._total = hashlib.sha256()

    def add(self, lines: bytes) -> None:
        """Add lines of rows, one after the other."""
        self._total.update(lines)

    def hexdigest(self) -> str:
        """Return the digest of the rows so far."""
        return self._total.hexdigest()


def content_lines(rows: pa.Table | pa.RecordBatch) -> list[bytes]:
    """Return rows as the content hash covers them, a JSON line each."""
    return list(map(_line, *(rows[name].to_pylist() for name in CONTENT)))


def content_line(row: Mapping[str, Any]) -> bytes:
    """Return a row, the columns of `CONTENT`, as a JSON line."""
    return _line(*(row[name] for name in CONTENT))


def _line(sample_id: Any, messages: Any, response: Any, rejected: Any, text: Any, steps: Any, labels: Any) -> bytes:
    said = orjson.dumps
    return _LINE % (
        _json(labels),
        _list(messages, _message),
        said(rejected),
        said(response),
        said(sample_id),
        _list(steps, said),
        said(text),
    )


def _list(values: Any, line: Any) -> bytes:
    return b"null" if values is None else b"[" + b", ".join(map(line, values)) + b"]"


def _message(message: Mapping[str, Any]) -> bytes:
    said = plain(message)
    if len(said) > 2:
        return _json(said)
    return b'{"content": %b, "role": %b}' % (orjson.dumps(said["content"]), orjson.dumps(said["role"]))


def _json(value: Any) -> bytes:
    return b"null" if value is None else json.dumps(value, sort_keys=True, ensure_ascii=False).encode()
