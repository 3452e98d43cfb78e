import pyarrow as pa
import pytest

from filters.rows import read_rows, texts
from synth.notes import Notes
from tests.filters.helpers import row, table


def test_missing_columns_are_null():
    (read,) = read_rows(pa.table({"sample_id": ["s"], "response": ["x"]}))
    assert (read.learned, read.task, read.messages, read.notes) == ("x", "", (), Notes())


def test_without_ids_there_are_no_rows():
    with pytest.raises(ValueError, match="sample_id"):
        read_rows(pa.table({"id": ["s"]}))


def test_bytes_that_are_no_utf8_are_repaired_and_told():
    bad = pa.Array.from_buffers(
        pa.string(), 2, [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0\4\0\0\0"), pa.py_buffer(b"ok\xed\xa0")]
    )
    rows = read_rows(pa.table({"sample_id": ["a", "b"], "response": bad}))
    assert [read.broken for read in rows] == [False, True]
    assert rows[1].response.startswith("\ufffd")


def test_asked_and_learned():
    chat = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    (read,) = read_rows(table(row("s", response=None, messages=chat)))
    assert (read.asked, read.learned) == ("q", "a")
    assert texts(read) == ["q", "a"]


def test_notes_that_cannot_be_read_say_nothing():
    bad = [row("a", notes="[1]"), row("b", notes="{"), row("c", notes={"refused": "Not A Word"}), row("d", attrs="[1]")]
    assert [read.notes.model_fields_set for read in read_rows(table(*bad))] == [set()] * 4
