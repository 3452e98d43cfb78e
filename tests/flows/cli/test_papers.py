"""The list of published methods: what is said to work is there, and has a test that is about it."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.cli import papers as module
from flows.cli.papers import CHECKOUT, FAMILIES, exists, pages, papers

EVERY = papers()


def test_the_pages_are_what_the_list_says():
    folder = CHECKOUT / "docs" / "methods"
    every = pages()
    assert {file.name for file in folder.glob("*.md")} == {"index.md", *every}
    assert {name: (folder / name).read_text(encoding="utf-8") for name in every} == every, "run `make docs`"


def test_every_family_says_when_to_use_it():
    assert all(len(about["when"].split()) > 30 and about["meaning"] for about in FAMILIES.values())


@pytest.mark.parametrize("paper", [p for p in EVERY if not p.state.startswith("left out")], ids=lambda p: p.name)
def test_what_works_has_a_test_of_its_own(paper):
    assert paper.parts and set(paper.tests) == set(paper.parts), f"no test of {set(paper.parts) - set(paper.tests)}"
    for part, test in paper.tests.items():
        text = (CHECKOUT / test).read_text(encoding="utf-8")
        name = part.partition(":")[2]
        assert name in text or "test_every" in test or Path(test).stem == f"test_{name}", f"{test} is not about {part}"


def test_every_entry_has_a_paper_and_a_state_with_its_reason():
    assert {paper.family for paper in EVERY} == set(FAMILIES)
    assert len({paper.name for paper in EVERY}) == len(EVERY)
    for paper in EVERY:
        assert re.fullmatch(r"arXiv:\d{4}\.\d{4,5}|abstract|none|https://\S+", paper.paper), paper.paper
        assert re.match(r"works$|partly; not here: .|left out: .", paper.state), paper.state


def test_a_part_that_is_gone_is_noticed(monkeypatch):
    assert exists("method:journey") and not exists("method:jurney") and not exists("recipe:nothing")
    monkeypatch.setattr(module, "exists", lambda part: part != "method:journey" and exists(part))
    journey = next(paper for paper in papers() if paper.name == "O1 Journey")
    assert journey.state == "left out: method journey is not built yet" and journey.test == ""


def test_the_command_lists_them_all():
    rows = json.loads(CliRunner().invoke(app, ["methods", "--all", "--json"]).stdout)
    assert [row["name"] for row in rows] == [paper.name for paper in EVERY]
    assert all({"name", "paper", "family", "state", "test"} <= set(row) for row in rows)
    shown = CliRunner().invoke(app, ["methods", "--all"]).stdout
    assert "O1 Journey" in shown and "left out" in shown


def test_one_method_and_all_of_them_is_a_contradiction():
    refused = CliRunner().invoke(app, ["methods", "tutorship", "--all"])
    assert refused.exit_code == 1 and "leave out 'tutorship', or leave out --all" in refused.output
