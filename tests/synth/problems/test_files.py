import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from storage.errors import ProblemError
from synth.problems import get_task
from synth.problems.files import MAPPINGS, HubRows, MappedSource, Mapping, clean, file_source

GSM8K = {"question": "How many is 6 boxes of 200?", "answer": "6*200 = <<6*200=1200>>1200\n#### 1,200"}
PLAIN = Mapping(question="q", answer="a")


def write_lines(path, rows):
    path.write_text(
        "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf-8"
    )
    return path


def draw(path, mapping, limit=100, **options):
    return file_source(path, mapping, "test").draw(limit, seed=0, **options)


def test_gsm8k_mapping(tmp_path):
    [problem] = draw(write_lines(tmp_path / "train.jsonl", [GSM8K]), "gsm8k")
    assert (problem.gold, problem.license, problem.tier, problem.source) == ("1200", "MIT", 1, "test")
    assert problem.solution == "6*200 = <<6*200=1200>>1200"


def test_svamp_mapping_joins_fields(tmp_path):
    row = {"Body": "There are 290 bananas in 2 groups", "Question": "How big is each?", "Answer": 145.0}
    [problem] = draw(write_lines(tmp_path / "test.jsonl", [row]), "svamp")
    assert problem.prompt == "There are 290 bananas in 2 groups. How big is each?"
    assert (problem.gold, problem.solution) == ("145", None)


def test_parquet_keeps_order_and_limit(tmp_path):
    rows = [{"q": f"What is {n}?", "a": n} for n in range(5)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "x.parquet")
    assert [problem.gold for problem in draw(tmp_path / "x.parquet", PLAIN, 3)] == ["0", "1", "2"]


def test_excluded_structures_are_not_drawn(tmp_path):
    path = write_lines(tmp_path / "x.jsonl", [{"q": f"What is {n}?", "a": n} for n in range(4)])
    first = draw(path, PLAIN, 2)
    rest = draw(path, PLAIN, exclude=frozenset(problem.structure_id for problem in first))
    assert [problem.gold for problem in rest] == ["2", "3"]
    assert draw(path, PLAIN, tier=2) == [] and len(draw(path, PLAIN, tier=1)) == 4


def test_repeats_are_left_out_and_listed(tmp_path):
    rows = [{"q": "What is 1?", "a": 1}, {"q": "what is  1", "a": 1}, {"q": "What is 1?", "a": 2}]
    source = file_source(write_lines(tmp_path / "x.jsonl", rows), PLAIN)
    assert len(source.draw(10, seed=0)) == 1
    assert [(row.line, row.reason, row.kept) for row in source.dropped] == [
        (2, "duplicate", 1),
        (3, "conflicting_answer", 1),
    ]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"q": "x1", "a": 1}, "{broken"], ["x.jsonl, line 2", "not JSON"]),
        ([{"q": "x1", "a": 1}, "", {"q": "x2"}], ["line 3", "no field 'a'", "q"]),
        (["[1, 2]"], ["line 1", "list"]),
        ([{"q": "x1", "a": None}], ["line 1", "'a' is null"]),
        ([{"q": "x1", "a": True}], ["line 1", "bool"]),
        ([{"q": "x1", "a": [1]}], ["line 1", "list"]),
        (['{"q": "x1", "a": NaN}'], ["line 1", "nan"]),
        ([{"q": " ? ", "a": 1}], ["line 1", "question", "empty"]),
        ([{"q": "x1", "a": ""}], ["line 1", "does not verify"]),
        ([{"q": "x1", "a": "long " * 200}], ["line 1", "does not verify"]),
        ([], ["no rows"]),
        (["[" * 100_000], ["line 1", "not JSON"]),
        (['{"q": "x1", "a": ' + "9" * 5_000 + "}"], ["line 1"]),
    ],
)
def test_what_is_broken_is_named(tmp_path, rows, said):
    with pytest.raises(ProblemError) as error:
        draw(write_lines(tmp_path / "x.jsonl", rows), PLAIN)
    assert all(part in str(error.value) for part in said), error.value


def test_other_breakage_is_named_too(tmp_path):
    with pytest.raises(ProblemError, match="no such file"):
        draw(tmp_path / "missing.jsonl", PLAIN)
    with pytest.raises(ProblemError, match=r"'\.csv' is not read"):
        draw(write_lines(tmp_path / "x.csv", ["q,a"]), PLAIN)
    with pytest.raises(ProblemError, match="not readable as Parquet"):
        draw(write_lines(tmp_path / "x.parquet", ["nothing"]), PLAIN)
    with pytest.raises(ProblemError, match="answer_pattern"):
        draw(write_lines(tmp_path / "y.jsonl", [{"question": "x", "answer": "no mark"}]), "gsm8k")
    (tmp_path / "z.jsonl").write_bytes(b'{"q": "\xff", "a": 1}\n')
    with pytest.raises(ProblemError, match="line 1"):
        draw(tmp_path / "z.jsonl", PLAIN)


def test_text_is_cleaned_at_the_door(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"q": "a\\u0000b \\ud800 \\ud83d\\ude00?", "a": "5"}\r\n')
    [problem] = draw(path, PLAIN)
    assert problem.prompt == "ab ? 😀?"
    assert clean("ordinary") == "ordinary"


@pytest.mark.parametrize(
    "fields",
    [
        {"question": "{q.__class__}", "answer": "a"},
        {"question": "{q[0]}", "answer": "a"},
        {"question": "{", "answer": "a"},
        {"question": "{}", "answer": "a"},
        {"question": "q", "answer": "a", "answer_pattern": "("},
        {"question": "q", "answer": "a", "answer_pattern": "x"},
        {"question": "q", "answer": "a", "unknown": "x"},
    ],
)
def test_mappings_are_checked(fields):
    with pytest.raises(ValidationError):
        Mapping(**fields)


def test_hugging_face_data_set_from_a_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "data"
    folder.mkdir()
    write_lines(folder / "train.jsonl", [GSM8K])
    [problem] = MappedSource(HubRows(str(folder)), MAPPINGS["gsm8k"], "gsm8k").draw(5, seed=0)
    assert problem.gold == "1200"
    with pytest.raises(ProblemError, match="cannot be loaded"):
        MappedSource(HubRows(str(tmp_path / "missing")), PLAIN, "x").draw(5, seed=0)


def test_a_unit_that_must_agree_stays_with_the_gold_answer(tmp_path):
    rows = [{"q": "How long?", "a": "5 cm"}, {"q": "How many?", "a": "1,200 apples"}]
    long, many = draw(write_lines(tmp_path / "x.jsonl", rows), PLAIN)
    assert (long.gold, many.gold) == ("5 cm", "1200")
    check = get_task("math_word").check
    said = [check(long, f"#### {answer}").outcome.value for answer in ("5 m", "50 mm", "5", "6 cm")]
    assert said == ["wrong", "correct", "correct", "wrong"]
