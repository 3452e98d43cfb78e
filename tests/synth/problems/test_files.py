import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from storage.errors import ProblemError
from synth.problems import get_task
from synth.problems.files import file_source
from synth.problems.mapping import Mapping

GSM8K = {"question": "How many is 6 boxes of 200?", "answer": "6*200 = <<6*200=1200>>1200\n#### 1,200"}
PLAIN = Mapping(question="q", answer="a")


def write_lines(path, rows):
    path.write_text(
        "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf-8"
    )
    return path


def draw(path, mapping, limit=100, bad_gold="stop", **options):
    return file_source(path, mapping, "test", bad_gold=bad_gold).draw(limit, seed=0, **options)


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
    repeated, conflicting = source.dropped
    assert repeated.question == "what is  1" and (repeated.gold, repeated.kept_gold) == ("1", "1")
    assert (conflicting.gold, conflicting.kept_gold) == ("2", "1"), "both answers are said"


@pytest.mark.parametrize(
    ("rows", "message"),
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
def test_what_is_broken_is_named(tmp_path, rows, message):
    with pytest.raises(ProblemError) as error:
        draw(write_lines(tmp_path / "x.jsonl", rows), PLAIN)
    assert all(part in str(error.value) for part in message), error.value


def test_other_breakage_is_named_too(tmp_path):
    with pytest.raises(ProblemError, match="no such file"):
        draw(tmp_path / "missing.jsonl", PLAIN)
    with pytest.raises(ProblemError, match=r"'\.txt' is not read"):
        draw(write_lines(tmp_path / "x.txt", ["q,a"]), PLAIN)
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
    assert problem.prompt == "ab \ufffd 😀?"


def test_a_unit_that_must_agree_stays_with_the_gold_answer(tmp_path):
    rows = [{"q": "How long?", "a": "5 cm"}, {"q": "How many?", "a": "1,200 apples"}]
    long, many = draw(write_lines(tmp_path / "x.jsonl", rows), PLAIN)
    assert (long.gold, many.gold) == ("5 cm", "1200")
    check = get_task("math_word").check
    outcomes = [check(long, f"#### {answer}").outcome.value for answer in ("5 m", "50 mm", "5", "6 cm")]
    assert outcomes == ["wrong", "correct", "correct", "wrong"]


SOLVED = Mapping(question="q", answer="a", solution="how")


@pytest.mark.parametrize(
    ("answer", "solution", "reason"),
    [
        ("27", "9 + 8 = 17\n#### 17", "contradicts_solution"),
        ("42", "7 * 4 = 28\nSo the answer is 28.", "contradicts_solution"),
        ("28", "7 * 4 = 28\n#### 28", None),
        ("28", "It is clear.", None),
        ("72", "40 - 13 = 27", "unreached_by_solution"),
        ("so it goes, on and on, " * 30, "1 + 1 = 2", "bad_gold"),
    ],
)
def test_a_gold_that_cannot_be_used_is_left_out_or_stops(tmp_path, answer, solution, reason):
    rows = [{"q": "Which?", "a": answer, "how": solution}, {"q": "Another?", "a": "5", "how": "2 + 3 = 5"}]
    path = write_lines(tmp_path / "x.jsonl", rows)
    source = file_source(path, SOLVED)
    assert len(source.draw(10, seed=0)) == (2 if reason is None else 1)
    assert [(dropped.line, dropped.reason) for dropped in source.dropped] == ([] if reason is None else [(1, reason)])
    if reason is not None:
        with pytest.raises(ProblemError, match="line 1"):
            draw(path, SOLVED)


@pytest.mark.parametrize(
    "gold",
    ["x = 5", "(x,y)=(3,2)", "5!", "12 km/h", "C", r"\frac{\sqrt{3}}{2}", r"[1,\infty)", "7:30 AM", "yes", r"x \ge 2"],
)
def test_golds_of_every_kind_pass_the_door(tmp_path, gold):
    [problem] = draw(write_lines(tmp_path / "x.jsonl", [{"q": "Which?", "a": gold}]), PLAIN)
    assert get_task("math_word").check(problem, f"#### {gold}").outcome == "correct"


@pytest.mark.parametrize(
    ("written", "gold"),
    [
        ("9007199254740993.0", "9007199254740993"),
        ("12345678901234567.89", "12345678901234567.89"),
        ("0.1", "0.1"),
        ("1e3", "1000"),
    ],
)
def test_numbers_keep_the_value_that_the_file_writes(tmp_path, written, gold):
    [problem] = draw(write_lines(tmp_path / "x.jsonl", [f'{{"q": "How many?", "a": {written}}}']), PLAIN)
    assert problem.gold == gold


def test_only_some_rows_have_a_solution(tmp_path):
    mapping = Mapping(question="q", answer="a", solution="s")
    rows = [
        {"q": "What is 1 + 1?", "a": 2, "s": "1 + 1 = 2"},
        {"q": "What is 2 + 1?", "a": 3, "s": None},
        {"q": "What is 5 + 1?", "a": 6},
    ]
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert [problem.solution for problem in file_source(path, mapping).draw(9, seed=0)] == ["1 + 1 = 2", None, None]
    with pytest.raises(ProblemError, match="no row that was read has text in 'worked'"):
        file_source(path, Mapping(question="q", answer="a", solution="worked")).draw(9, seed=0)
