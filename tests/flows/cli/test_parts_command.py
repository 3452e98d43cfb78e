"""What `nightschool tasks`, `sources` and `filters` say is so."""

import json

import pytest
import yaml
from typer.testing import CliRunner

from flows.cli import app
from flows.report.parts import VERBS, describe_filters, describe_sources, describe_tasks
from synth.problems import get_task, open_source

RUNNER = CliRunner()


@pytest.mark.parametrize("command", ["tasks", "sources", "filters"])
def test_each_is_listed_and_described_by_name(command):
    rows = json.loads(RUNNER.invoke(app, [command, "--json"]).stdout)
    assert len(rows) >= 6
    name = rows[0][command.removesuffix("s")]
    [row] = json.loads(RUNNER.invoke(app, [command, name, "--json"]).stdout)
    assert row == rows[0] and row["summary"]
    assert name in RUNNER.invoke(app, [command]).stdout and row["summary"] in RUNNER.invoke(app, [command, name]).stdout
    wrong = RUNNER.invoke(app, [command, name + "x"])
    assert wrong.exit_code == 1 and f"did you mean '{name}'" in wrong.output


@pytest.mark.parametrize("name", ["arithmetic", "knights_knaves", "instructions"])
def test_an_example_opens_the_source_and_a_task_can_do_what_it_says(name):
    [described] = describe_sources(name)
    [row] = yaml.safe_load(described["example"])["problems"]["sources"]
    [problem] = open_source(row["kind"], row["options"]).draw(1, seed=1)
    assert problem.task == described["draws"]
    [said] = describe_tasks(problem.task)
    task = get_task(problem.task)
    solution = task.solve(problem)
    done = {"steps": bool(task.steps("One. Two.")), "solve": solution is not None,
            "review": task.review(problem, solution or "x") is not None}  # fmt: skip
    assert {verb: said[verb] for verb in VERBS} == done


def test_every_source_has_an_example_and_every_example_of_a_filter_is_read():
    from filters.night.rules import read_rules

    assert all(row["example"] and row["draws"] for row in describe_sources())
    for row in describe_filters():
        if row["example"] and not row["asks"]:
            read_rules(yaml.safe_load(row["example"])["filters"], {}, {})
