import json

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from filters.base import VERDICTS
from flows.cli import app
from storage.lake.lake import Lake, table_of
from storage.workspace import Workspace
from tests.filters.helpers import row, table

NIGHT = row("any")["night"]
"""Of the rows here; a verdict carries it too, whenever it is given."""


@pytest.fixture
def workspace(tmp_path):
    workspace = Workspace.create(tmp_path / "w")
    verdicts = [
        ("b1", "answer", "pass", None, None),
        (
            "b1",
            "near_duplicates",
            "fail",
            "near_duplicate",
            json.dumps({"kept": "a1", "night": "n1", "similarity": 0.91}),
        ),
        ("b1", "policy", "rejected", "near_duplicates:near_duplicate", None),
    ]
    rows = [
        dict(zip(("sample_id", "filter", "outcome", "reason", "detail"), verdict, strict=True)) | {"version": "1"}
        for verdict in verdicts
    ]
    verdict_table = pa.Table.from_pylist(rows, schema=VERDICTS).append_column("night", pa.array([NIGHT] * 3))
    call = {
        "call_id": "c1",
        "role": "teacher",
        "act": "solve",
        "model": "m",
        "response": "I thought of [red]38[/red].\x1b[2J",
    }
    with Lake(workspace) as lake:
        lake.commit("one", "samples", {"samples": table(row("a1", response="An old answer."))}, night="n1")
        samples = table(row("b1", response="A new answer.", parents=["c1"]), row("b2"))
        tables = {"samples": samples, "verdicts": verdict_table, "calls": table_of("calls", [call])}
        lake.commit("two", "samples", tables, night="n2")
    return workspace


def run(workspace, *arguments):
    return CliRunner().invoke(app, ["why", *arguments, "-w", str(workspace.root)])


def test_everything_about_a_row(workspace):
    provenance = json.loads(run(workspace, "b1", "--json").stdout)
    assert provenance["decision"]["outcome"] == "rejected"
    assert [verdict["filter"] for verdict in provenance["verdicts"]] == ["answer", "near_duplicates", "policy"]
    assert [match["response"] for match in provenance["matches"]] == ["An old answer."]
    assert [call["response"] for call in provenance["calls"]] == ["I thought of [red]38[/red].\x1b[2J"]


def test_for_people(workspace):
    out = run(workspace, "b1").stdout
    for sentence in (
        "rejected near_duplicates:near_duplicate",
        "An old answer.",
        "A new answer.",
        "[red]38[/red].\\x1b[2J",
        "0.91",
    ):
        assert sentence in out
    assert "not decided yet" in run(workspace, "b2").stdout


def test_the_beginning_of_an_id_is_enough_when_it_is_the_only_one(workspace):
    assert json.loads(run(workspace, "a", "--json").stdout)["sample"]["sample_id"] == "a1"
    several, none = run(workspace, "b"), run(workspace, "zz")
    assert several.exit_code == none.exit_code == 1
    assert "several begin like this: b1, b2" in several.output.replace("\n", " ")
    assert "there is none" in none.output


def test_a_leak_stands_beside_the_item_it_holds_and_the_row_it_comes_from(workspace):
    leaks = [
        ("b2", {"benchmark": "gsm8k/test", "item": "i1"}), ("b2", {"from": "a1"}),
        ("b2", {"benchmark": "heldout", "item": "structure"}),
    ]  # fmt: skip
    rows = [
        {
            "sample_id": sample_id,
            "filter": "decontamination",
            "outcome": "fail",
            "detail": json.dumps(detail),
            "night": NIGHT,
        }
        for sample_id, detail in leaks
    ]
    held = {"problem_id": "p", "split": "heldout", "structure_id": "structure", "prompt": "What is held out?"}
    with Lake(workspace) as lake:
        tables = {"verdicts": table_of("verdicts", rows), "problems": table_of("problems", [held])}
        lake.commit("three", "curate", tables, night="n2")
    provenance = json.loads(run(workspace, "b2", "--json").stdout)
    assert [item["text"] for item in provenance["items"]] == [None, "What is held out?"]
    assert [match["sample_id"] for match in provenance["matches"]] == ["a1"]
    out = run(workspace, "b2").stdout
    for phrase in ("gsm8k/test: i1", "held out", "An old"):
        assert phrase in out
