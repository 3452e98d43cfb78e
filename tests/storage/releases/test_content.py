"""The content hash covers rows as Python's `json` writes them, whatever makes the lines."""

import json

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from storage.messages import chat_of
from storage.releases.content import CONTENT, content_lines

TEXT = st.text(max_size=30)
CALL = st.fixed_dictionaries(
    {"id": TEXT, "type": TEXT, "function": st.fixed_dictionaries({"name": TEXT, "arguments": TEXT})}
)
MESSAGE = st.fixed_dictionaries({
    "role": TEXT, "content": st.none() | TEXT, "tool_calls": st.none() | st.lists(CALL, max_size=2),
    "tool_call_id": st.none() | TEXT,
})  # fmt: skip
ROW = st.fixed_dictionaries({
    "sample_id": TEXT, "messages": st.none() | st.lists(MESSAGE, max_size=3), "response": st.none() | TEXT,
    "rejected": st.none() | TEXT, "text": st.none() | TEXT, "steps": st.none() | st.lists(TEXT, max_size=3),
    "labels": st.none() | st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=3),
})  # fmt: skip
_FUNCTION = pa.struct({"name": pa.string(), "arguments": pa.string()})
_CALL = pa.struct({"id": pa.string(), "type": pa.string(), "function": _FUNCTION})
_MESSAGE = pa.struct({
    "role": pa.string(), "content": pa.string(), "tool_calls": pa.list_(_CALL), "tool_call_id": pa.string(),
})  # fmt: skip
SCHEMA = pa.schema({
    "sample_id": pa.string(), "messages": pa.list_(_MESSAGE), "response": pa.string(), "rejected": pa.string(),
    "text": pa.string(), "steps": pa.list_(pa.string()), "labels": pa.list_(pa.float64()), "method": pa.string(),
})  # fmt: skip


def by_json(row) -> bytes:
    said = {name: row[name] for name in CONTENT}
    said["messages"] = None if row["messages"] is None else chat_of(row["messages"])
    return json.dumps(said, sort_keys=True, ensure_ascii=False).encode() + b"\n"


@given(st.lists(ROW, max_size=4))
def test_a_line_is_what_json_writes(rows):
    table = pa.Table.from_pylist([{**row, "method": "m"} for row in rows], SCHEMA)
    assert content_lines(table) == list(map(by_json, table.to_pylist()))


def test_every_character_is_written_as_json_writes_it():
    every = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x11000), 0x1F600, 0x10FFFF]))
    row = {"sample_id": "s", "response": every, "text": every[::-1], "labels": [1e-7, 1e16, 0.1, -0.0, 1.0]}
    table = pa.Table.from_pylist([row], SCHEMA)
    assert content_lines(table) == [by_json(table.to_pylist()[0])]
