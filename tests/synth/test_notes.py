import ast
import json
from pathlib import Path

import pytest

from synth.notes import (
    NOTES,
    Attempt,
    Judgement,
    Label,
    Notes,
    NotesError,
    Question,
    SftNotes,
    Share,
    StepwiseNotes,
    read_notes,
    to_json,
)

ROOT = Path(__file__).parent.parent.parent
EVERYTHING = {
    "refused": "not_confirmed",
    "complete": True,
    "attempt": Attempt(text="1 + 1 = 3", readable=False),
    "question": Question(gold=None),
    "label": Label(gold="4", source="vote", share=0.75),
    "share": Share(of="confirmation", cap=0.3, draw=0.25),
}


@pytest.mark.parametrize("kind", NOTES)
def test_what_is_written_is_read_again(kind):
    judging = {"judgement": Judgement(agrees=None)} if "judgement" in NOTES[kind].model_fields else {}
    for notes in (NOTES[kind](), NOTES[kind](**EVERYTHING, **judging)):
        assert read_notes(kind, to_json(notes), '{"refused": "from_attrs"}') == notes


def test_what_says_nothing_takes_no_room():
    assert to_json(SftNotes(complete=True)) == '{"complete":true}' and to_json(StepwiseNotes()) == "{}"


@pytest.mark.parametrize(
    ("attrs", "notes"),
    [
        ({}, {}),
        ({"refused": "too_long", "complete": False, "n_steps": 3}, {"refused": "too_long", "complete": False}),
        ({"refused": "Not A Word; drop table"}, {"refused": "refused"}),
        ({"refused": 7, "complete": True}, {"refused": "refused"}),
        ({"agrees": False}, {"judgement": {"agrees": False}}),
        ({"agrees": None}, {"judgement": {"agrees": None}}),
        ({"student_attempt": "x", "readable": False}, {"attempt": {"text": "x", "readable": False}}),
        ({"question_gold": None}, {"question": {"gold": None}}),
        (
            {"share_of": "confirmation", "share_cap": 0.3, "share_draw": 0.5},
            {"share": {"of": "confirmation", "cap": 0.3, "draw": 0.5}},
        ),
    ],
)
def test_rows_of_before_have_their_notes_among_the_attrs(attrs, notes):
    assert read_notes("sft", None, json.dumps(attrs)) == SftNotes.model_validate(notes)


def test_the_labels_of_before_too():
    read = read_notes("stepwise", None, json.dumps({"agrees": True, "mentions_labels": True}))
    assert read == StepwiseNotes(judgement=Judgement(agrees=True), mentions_labels=True)
    assert read_notes("preference", None, json.dumps({"agrees": True})) == NOTES["preference"]()


@pytest.mark.parametrize("attrs", [None, "", "{", "[1]", "[" * 100_000])
def test_attrs_that_are_no_object_say_nothing(attrs):
    assert read_notes("sft", None, attrs) == SftNotes()


@pytest.mark.parametrize("notes", ["{", "[]", '{"refused": "Not A Word"}', '{"judgment": {}}', '{"judgement": true}'])
def test_notes_that_cannot_be_read_are_an_error(notes):
    with pytest.raises(NotesError, match="notes of a row of the kind 'sft'"):
        read_notes("sft", notes)


def test_every_note_is_described_or_is_a_model_that_says_what_it_is():
    parts: list[type] = [Attempt, Question, Label, Judgement, Share]
    for model in (*NOTES.values(), *parts):
        assert model.__doc__
        for name, field in model.model_fields.items():
            assert field.description or any(part.__name__ in str(field.annotation) for part in parts), name
    assert all(issubclass(model, Notes) for model in NOTES.values())


def reads_of_attrs(path: Path) -> list[str]:
    """Where a file reads a single one of a row's attrs: `row.attrs["x"]`, `attrs.get(...)`, `"x" in attrs`, SQL on them."""
    reads = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        target = None
        if isinstance(node, ast.Subscript) or (isinstance(node, ast.Attribute) and node.attr in ("get", "pop", "keys")):
            target = node.value
        elif isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
            target = node.comparators[0]
        elif (
            isinstance(node, ast.Constant) and isinstance(node.value, str) and "attrs->" in node.value.replace(" ", "")
        ):
            target = node
        text = "" if target is None else ast.unparse(target)
        if text.endswith("attrs") or text.endswith("attrs'])") or "attrs->" in text.replace(" ", ""):
            reads.append(f"{path.relative_to(ROOT)}:{node.lineno}: {text}")
    return reads


def test_nobody_reads_a_single_one_of_a_methods_attrs():
    folders = ("filters", "train_stages", "flows", "storage")
    reads = [line for name in folders for path in sorted((ROOT / name).rglob("*.py")) for line in reads_of_attrs(path)]
    assert not reads, "what filters, training and flows read of a row belongs in synth/notes.py"


@pytest.mark.parametrize(
    "line",
    [
        'row.attrs["agrees"]',
        'row.attrs.get("agrees")',
        '"agrees" in attrs',
        'json.loads(row["attrs"])["agrees"]',
        'json.loads(row["attrs"]).get("agrees")',
        "lake.rows(\"select attrs->>'agrees' from samples\")",
    ],
)
def test_that_test_finds_such_a_line(tmp_path, monkeypatch, line):
    monkeypatch.setattr("tests.synth.test_notes.ROOT", tmp_path)
    (tmp_path / "mine.py").write_text(line)
    assert len(reads_of_attrs(tmp_path / "mine.py")) == 1
