"""`nightschool judge`: counts, labels and errors as people see them."""

import json

import pytest
from typer.testing import CliRunner

from flows.cli import app

ROWS = [
    {"gold": "18", "response": "so\n#### 18", "right": "C"},
    {"gold": "18", "response": "#### 19", "right": "C"},
    {"gold": "1/3", "pred": "0.333", "equal": True},
    {"gold": "B", "response": "The answer is 7 apples.", "options": ["5 apples", "7 apples"], "right": "CU"},
    {"gold": "x = 5", "response": "I cannot say."},
    {"gold": "6", "response": "#### 6", "task": "math_word", "right": "W"},
]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    return path


def test_counts_labels_and_lines_as_json(file):
    result = CliRunner().invoke(app, ["judge", str(file), "--json"])
    table = json.loads(result.stdout)
    assert result.exit_code == 0
    counted = {key: table[key] for key in ("n", "correct", "wrong", "undecided")}
    assert counted == {"n": 6, "correct": 3, "wrong": 2, "undecided": 1}
    assert (table["false_correct"], table["false_wrong"], table["needlessly_undecided"]) == (1, 1, 1)
    assert table["confusion"]["C"] == {"correct": 1, "wrong": 1, "undecided": 1}
    assert table["lines"][0] == {
        "line": 1, "outcome": "correct", "reading": "18", "reason": None, "right": "C", "disagreement": None,
    }  # fmt: skip
    assert table["lines"][4]["reason"] == "no_answer"


def test_the_table_names_every_disagreement(file):
    result = CliRunner().invoke(app, ["judge", str(file)])
    assert result.exit_code == 0
    assert all(
        word in result.stdout for word in ("false_correct", "false_wrong", "needlessly_undecided", "Disagreements")
    )


@pytest.mark.parametrize(
    ("row", "outcome"),
    [
        ({"response": "So:\n\n- Ann is a knight\n- Ben is a knave"}, "correct"),
        ({"response": "It is impossible that Ann is a knight and Ben is a knave."}, "wrong"),
        ({"pred": "Ben is not a knight and Ann is a knight"}, "correct"),
        ({"pred": "Ann is a knight, Ben is a knight"}, "wrong"),
        ({"pred": "Ann is a knight"}, "undecided"),
        ({"gold": "Ann is a fool, Ben is a sage", "pred": "Ben: sage, Ann: fool"}, "correct"),
        ({"gold": "12", "pred": "12.0", "task": "arithmetic"}, "correct"),
        ({"gold": "12", "pred": "13", "task": "math_word"}, "wrong"),
    ],
)
def test_every_task_that_has_a_checker_judges_by_the_gold_answer(tmp_path, row, outcome):
    path = tmp_path / "rows.jsonl"
    whole = {"gold": "Ann is a knight, Ben is a knave", "task": "knights_knaves"} | row
    path.write_text(json.dumps(whole) + "\n", encoding="utf-8")
    table = json.loads(CliRunner().invoke(app, ["judge", str(path), "--json"]).stdout)
    assert table[outcome] == table["n"] == 1


def test_without_labels_there_are_no_disagreements(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"gold": "1", "response": "#### 1"}) + "\n", encoding="utf-8")
    table = json.loads(CliRunner().invoke(app, ["judge", str(path), "--json"]).stdout)
    assert table["correct"] == 1 and "false_correct" not in table


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{broken", "not JSON"),
        ("[1]", "not an object"),
        ('{"gold": "1"}', "one of `response` and `pred`"),
        ('{"gold": "1", "pred": "1", "right": "X"}', "letters that are right"),
        ('{"gold": "1", "pred": "1", "equal": "yes"}', "true or false"),
        ('{"gold": "1", "pred": "1", "options": 3}', "`options`"),
        ('{"gold": "1", "pred": "1", "attrs": 3}', "`attrs`"),
        ('{"gold": "1", "pred": "1", "task": 3}', "`task`"),
        ('{"gold": "1", "pred": "1", "task": "knights"}', "knights_knaves"),
        ('{"gold": "5", "pred": "1", "task": "knights_knaves"}', "names nobody's role"),
    ],
)
def test_what_is_broken_is_named_with_its_line(tmp_path, line, message):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"gold": "1", "pred": "1"}\n' + line + "\n", encoding="utf-8")
    result = CliRunner().invoke(app, ["judge", str(path)])
    assert result.exit_code != 0 and "line 2" in result.output and message in " ".join(result.output.split())
