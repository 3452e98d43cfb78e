"""A method of another package that has to see the whole set first: one file and a prompt, and every part of a night knows it."""

import asyncio
import copy
import json
from dataclasses import replace

import pytest

from flows.night.night import open_night
from flows.night.pinning import pin
from flows.night.preparing import prepare
from flows.nightly import plan
from flows.recipe.recipe import load_recipe
from flows.report.progress import Progress
from storage.lake import nights
from storage.lake.lake import Lake
from storage.workspace import Workspace
from synth.night.draw import find_attempts
from synth.sample import problem_of
from tests.extension.installing import install
from tests.flows.conftest import SMALL, CommandLine, command_line

METHOD = "tests.extension.example_methods.example_few_shot:example_few_shot"
NIGHT = ("--date", "2026-01-01", "--json", "--quiet")


@pytest.fixture
def cli(tmp_path, prefect_server) -> CommandLine:
    """The command line of an environment in which the package is installed."""
    site = install(tmp_path / "site", "example-methods", {"nightschool.methods": {"example_few_shot": METHOD}})
    line = command_line(tmp_path, prefect_server)
    return CommandLine(line.workspace, line.folder, {**line.environment, **site})


def recipe(cli: CommandLine, **more) -> object:
    content = copy.deepcopy(SMALL)
    content["problems"]["limit"] = 25
    content["methods"] = [{"method": "example_few_shot", **more}]
    return cli.recipe(content)


def rows(cli: CommandLine, statement: str) -> list[dict]:
    with Lake(Workspace.open(cli.workspace), read_only=True) as lake:
        return lake.rows(statement)


def test_a_night_prepares_once_and_its_rows_say_with_what(cli):
    asked = recipe(cli)
    (role,) = json.loads(cli("plan", asked, "--json"))["roles"]
    assert role["calls"] == 25 + 3, "an answer each, and one for each demonstration"
    cli("run", asked, *NIGHT)
    (artefact,) = rows(cli, "from artefacts")
    shown = json.loads(artefact["value"])["shown"]
    assert len(shown) == 3 and artefact["method"] == "example_few_shot" and artefact["night"] == "2026-01-01/small"
    assert len(artefact["problem_ids"]) == 25 and len(artefact["call_ids"]) == 3
    assert rows(cli, "select distinct status from attempts where status <> 'planned'") == [{"status": "done"}]
    samples = rows(
        cli, "select problem_id, messages, attrs, prompts, reason from samples s join decisions d using (sample_id)"
    )
    assert len(samples) == 25 and {row["reason"] for row in samples} == {None}
    name = f"example_few_shot/artefact@{artefact['artefact_id']}"
    for row in samples:
        assert name in row["prompts"] and any(p.startswith("example_few_shot/few_shot@") for p in row["prompts"])
        others = [problem for problem in shown if problem["problem_id"] != row["problem_id"]]
        assert json.loads(row["attrs"])["demonstrations"] == [problem["problem_id"] for problem in others]
        assert all(problem["solution"] in row["messages"][0]["content"] for problem in others)
    # the demonstrations are answers that the attempts ask for too: found, not asked again
    assert rows(cli, "select count(*) as n from calls") == [{"n": 25}]


def test_a_resumed_night_takes_what_it_began_with(cli, monkeypatch):
    """Stopped after the artefact, before any attempt: the next start finds it, and every row names it."""
    asked = recipe(cli)
    monkeypatch.syspath_prepend(str(cli.folder / "site"))
    with open_night(load_recipe(asked), "2026-01-01", Workspace.create(cli.workspace), Progress(quiet=True)) as night:
        pin(night, repin=False)
        plan.fn(night)
        (first,) = asyncio.run(prepare(night))
        commits = night.lake.last_seq()
        (again,) = asyncio.run(prepare(night))
        assert first.prepared == again.prepared and night.lake.last_seq() == commits
        other = replace(first, params=first.params.model_copy(update={"groups": 2}))
        planned = nights.planned_attempts(night.lake, night.id)
        problems = [problem_of(row) for row in nights.problem_rows(night.lake, night=night.id)]
        attempts = find_attempts([first], problems, planned)
        own = sorted(first.problems_of(attempts), key=lambda problem: problem.id)
        assert own == problems != [] and other.problems_of(attempts) == []
    cli("run", asked, *NIGHT)
    assert len(rows(cli, "from artefacts")) == 1
    assert rows(cli, "select distinct prompts[1] as name from samples") == [{"name": first.prepared.name}]


def test_two_entries_prepare_apart(cli):
    content = copy.deepcopy(SMALL)
    content["problems"]["limit"] = 12
    content["methods"] = [{"method": "example_few_shot", "params": {"groups": groups}} for groups in (1, 4)]
    cli("run", cli.recipe(content), *NIGHT)
    sizes = sorted(len(json.loads(row["value"])["shown"]) for row in rows(cli, "from artefacts"))
    assert sizes == [1, 4]
    used = rows(cli, "select prompts[1] as name, count(*) as n from samples group by all")
    assert {row["name"] for row in used} == {
        f"example_few_shot/artefact@{row['artefact_id']}" for row in rows(cli, "from artefacts")
    } and [row["n"] for row in used] == [12, 12]


def test_it_can_be_tried_and_is_listed(cli):
    (listed,) = json.loads(cli("methods", "example_few_shot", "--json"))
    assert listed["prepares"] == "Solve the shortest question of each group, and keep those that are right."
    tried = json.loads(cli("try", "example_few_shot", "--json"))
    assert [call["prompt"] for call in tried["calls"]] == ["solve"] * 4
    assert tried["samples"][0]["messages"][0]["content"].count("Q: ") == 1 + len(
        tried["samples"][0]["attrs"]["demonstrations"]
    )
