"""What a row was chosen among: the rows of its attempt with their scores, the tree of a search, tools and thoughts."""

import json

import pytest
from typer.testing import CliRunner

from flows.cli import app
from storage.lake.evidence import store_evidence
from storage.lake.lake import Lake
from storage.workspace import Workspace
from tests.flows.report.written import write_night
from tests.flows.window.opened import TOKEN, opened
from tests.flows.window.test_window import request

TREE = [
    {"node": "0", "parent": None, "step": "", "value": 0.5, "visits": 4, "right": None},
    {"node": "0.1", "parent": "0", "step": "Add <b>two</b>.", "value": 1.0, "visits": 2, "right": True},
]
TOOL = {"id": "a", "type": "function", "function": {"name": "calculator", "arguments": '{"expression": "6*7"}'}}
SEARCHED = [
    {"method": "candidates", "answer": "42", "notes": json.dumps({"tree": TREE}), "thoughts": "Let me see <i>.", "messages": [
        {"role": "user", "content": "6 times 7?"}, {"role": "assistant", "content": None, "tool_calls": [TOOL]},
        {"role": "tool", "content": "42", "tool_call_id": "a"}]},
    {"method": "candidates", "answer": "41", "reason": "method_rejection:not_chosen"},
]  # fmt: skip
"""Two rows of one attempt: a dialogue with a tool and the tree it comes from, and what was not chosen."""


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A workspace with one night of one attempt, and the id of the row that was chosen."""
    workspace = Workspace.create(tmp_path_factory.mktemp("searched") / "w")
    with Lake(workspace) as lake:
        night = write_night(lake, "2026-01-01", [{**row, "attempt_id": "one"} for row in SEARCHED])
        ids = [row["sample_id"] for row in lake.rows("select sample_id from samples order by answer desc")]
        score = {"subject": "sample", "name": "vote", "model": "m", "text": None, "call_ids": []}
        scores = [
            {**score, "subject_id": identity, "value": value} for identity, value in zip(ids, (0.75, 0.25), strict=True)
        ]
        store_evidence(lake, "scores", "score", scores, night=night, version="1")
    return workspace, ids[0]


def test_the_window_shows_what_a_row_was_chosen_among(searched):
    workspace, chosen = searched
    with opened(workspace) as window:
        cookie = f"nightschool_{window.port}={TOKEN}"
        _, row, _ = request(window, "GET", f"/row/{chosen}", cookie=cookie)
        _, lineage, _ = request(window, "GET", f"/row/{chosen}/lineage", cookie=cookie)
    assert "calculator({&#34;expression&#34;: &#34;6*7&#34;})" in row and 'class="role">tool<' in row
    for text in (
        "vote 0.75",
        "vote 0.25",
        "not chosen",
        "this row",
        "Add &lt;b&gt;two&lt;/b&gt;.",
        "Let me see &lt;i&gt;.",
    ):
        assert text in lineage, text
    assert 'data-depth="1"' in lineage and "style=" not in lineage


def test_why_says_it_too(searched):
    workspace, chosen = searched
    run = CliRunner(env={"COLUMNS": "200"})
    out = run.invoke(app, ["why", chosen, "-w", str(workspace.root)]).stdout
    for text in ("vote 0.75", "vote 0.25", "not_chosen", "Add <b>two</b>.", "thoughts: Let me see <i>.", "calculator("):
        assert text in out, text
    said = json.loads(run.invoke(app, ["why", chosen, "--json", "-w", str(workspace.root)]).stdout)
    assert [row["answer"] for row in said["candidates"]] == ["42", "41"] and said["tree"] == TREE


def test_a_row_alone_has_no_candidates(tmp_path):
    workspace = Workspace.create(tmp_path / "w")
    with Lake(workspace) as lake:
        write_night(lake, "2026-01-01", [{"method": "cot"}])
        (row,) = lake.rows("select sample_id from samples")
    said = json.loads(CliRunner().invoke(app, ["why", row["sample_id"], "--json", "-w", str(workspace.root)]).stdout)
    assert said["candidates"] == [] and said["tree"] == []
