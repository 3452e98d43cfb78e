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


def compressed(path, data):
    with pa.CompressedOutputStream(str(path), {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}[path.suffix]) as file:
        file.write(data)
    return path


@pytest.mark.parametrize("ending", ["gz", "zst", "bz2"])
def test_compressed_lines_are_lines(tmp_path, ending):
    path = compressed(tmp_path / f"x.jsonl.{ending}", b'\xef\xbb\xbf{"a": 1}\n{"a": 2}\n')
    assert list(FileRows(path)) == [(1, {"a": 1}), (2, {"a": 2})]
    path.write_bytes(path.read_bytes()[:-6])
    with pytest.raises(ProblemError, match=r"x\.jsonl.*(is it complete|not JSON)"):
        list(FileRows(path))


def test_csv_and_tsv_with_a_mark_quotes_and_lines_in_cells(tmp_path):
    text = '\ufeffq,a\r\n"How many, in\nall?",5\r\n"He said ""two""",2\r\n'
    (tmp_path / "x.csv").write_text(text, encoding="utf-8", newline="")
    rows = [(1, {"q": "How many, in\nall?", "a": "5"}), (2, {"q": 'He said "two"', "a": "2"})]
    assert list(FileRows(tmp_path / "x.csv")) == rows
    assert list(FileRows(compressed(tmp_path / "y.csv.gz", text.encode()))) == rows
    (tmp_path / "x.tsv").write_text("q\ta\nOne, two?\t3\n", encoding="utf-8")
    assert list(FileRows(tmp_path / "x.tsv")) == [(1, {"q": "One, two?", "a": "3"})]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv", b"q,a\nHow many, in all?,5\n", "row 1: more cells than the 2 columns"),
        ("x.csv", b"q,q\n1,2\n", "two columns are named 'q'"),
        ("x.csv", b"q,a\n\xff\xfe,1\n", "not readable as CSV in UTF-8"),
        ("x.tsv", b'q\ta\n"open\t1\n', "not readable as TSV"),
        ("x.xlsx", b"PK", "'.xlsx' is not read; convert it to .jsonl, .csv, .tsv or .parquet"),
        ("x.parquet.gz", b"x", "is not read"),
        ("x.jsonl.gz", b"this is no gzip", "is it complete"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ProblemError, match=message):
        list(FileRows(tmp_path / name))
