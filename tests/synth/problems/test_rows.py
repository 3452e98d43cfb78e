import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from storage.errors import ProblemError
from synth.problems.rows import FileRows, HubRows


def test_lines_are_counted_as_they_stand_and_numbers_keep_their_value(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"a": 9007199254740993.0}\r\n\n{"a": 0.1}\n')
    assert [(number, str(row["a"])) for number, row in FileRows(path)] == [(1, "9007199254740993.0"), (3, "0.1")]


def test_narrow_floats_are_the_shortest_decimals_and_names_are_told_apart(tmp_path):
    for kind in (pa.float32(), pa.float16()):
        values = pa.array([np.float16(0.1) if kind == pa.float16() else 0.1], kind)
        pq.write_table(pa.table({"q": ["How many?"], "a": values}), tmp_path / "x.parquet")
        assert [str(row["a"]) for _, row in FileRows(tmp_path / "x.parquet")] == ["0.1"]
    twice = pa.Table.from_arrays([pa.array(["x"]), pa.array([1]), pa.array([2])], names=["q", "a", "a"])
    pq.write_table(twice, tmp_path / "y.parquet")
    with pytest.raises(ProblemError, match="two columns are named 'a'"):
        list(FileRows(tmp_path / "y.parquet"))
    path = tmp_path / "z.jsonl"
    path.write_text('{"q": "x", "a": 1, "a": 2}', encoding="utf-8")
    with pytest.raises(ProblemError, match="'a' occurs twice"):
        list(FileRows(path))


def test_hugging_face_data_set_from_a_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "train.jsonl").write_text('{"question": "How many?", "answer": 5}\n', encoding="utf-8")
    assert list(HubRows(str(folder))) == [(1, {"question": "How many?", "answer": 5})]
    with pytest.raises(ProblemError, match="cannot be loaded"):
        list(HubRows(str(tmp_path / "missing")))
