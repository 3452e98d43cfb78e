"""A filter of another package that asks a model: one file and a prompt, and every part of a night knows it."""

import copy
import json
from typing import Any

import pytest

from storage.lake.lake import Lake
from storage.takedown.carry_out import take_down
from storage.takedown.plan import plan_takedown
from storage.upkeep.check import check_lake
from storage.workspace import Workspace
from tests.extension.installing import install
from tests.flows.conftest import SMALL, CommandLine, command_line
from tests.flows.endpoint import Endpoint, serving

FILTER = "tests.extension.example_filters.example_on_topic:example_on_topic"


class Reader(Endpoint):
    """Says no of texts that end in 7, something else of those in 9, and yes of the rest."""

    def reply(self, asked: Any) -> tuple[int, Any]:
        text = asked["messages"][-1]["content"].partition("Text:")[2].partition("Does the text")[0].strip()
        word = {"7": "No.", "9": "Perhaps."}.get(text[-1], "Yes")
        choice = {"index": 0, "message": {"role": "assistant", "content": word}, "finish_reason": "stop"}
        return 200, {"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 1}}


@pytest.fixture
def cli(tmp_path, prefect_server) -> CommandLine:
    """The command line of an environment in which the package is installed."""
    site = install(tmp_path / "site", "example-filters", {"nightschool.filters": {"example_on_topic": FILTER}})
    line = command_line(tmp_path, prefect_server)
    return CommandLine(line.workspace, line.folder, {**line.environment, **site})


def test_a_night_asks_it_keeps_its_evidence_and_decides_by_it(cli):
    content = copy.deepcopy(SMALL)
    content["problems"]["limit"] = 40
    content["filters"] = {"example_on_topic": {"role": "reader"}}
    content["alarms"] = {"share": 1}
    with serving(Reader) as endpoint:
        content["models"]["reader"] = {"engine": "vllm", "endpoint": endpoint, "name": "reader", "revision": "1"}
        recipe = cli.recipe(content)
        roles = {role["role"]: role for role in json.loads(cli("plan", recipe, "--json"))["roles"]}
        assert (roles["reader"]["calls"], roles["reader"]["completion_tokens"]) == (40, 160)
        night = json.loads(cli("run", recipe, "--date", "2026-01-01", "--json", "--quiet"))["night"]
    with Lake(Workspace.open(cli.workspace)) as lake:
        reasons = {
            row["reason"]: row["rows"]
            for row in lake.rows(
                "select coalesce(reason, 'accepted') as reason, count(*) as rows from decisions group by all"
            )
        }
        expected = lake.rows(
            "select case response[-1] when '7' then 'example_on_topic:off_topic' when '9' then 'example_on_topic:no_answer' "
            "else 'accepted' end as reason, count(*) as rows from samples group by all"
        )
        assert (
            reasons == {row["reason"]: row["rows"] for row in expected} and night["release_rows"] == reasons["accepted"]
        )
        assert len(reasons) == 3
        (kept,) = lake.rows(
            "select count(*) as rows, count(distinct subject_id) as samples, min(len(call_ids)) as calls, min(model) as model "
            "from evidence where kind = 'example_on_topic' and name = 'topic'"
        )
        assert kept == {"rows": 40, "samples": 40, "calls": 1, "model": "reader@1"}
        assert lake.rows("select distinct text from evidence where value is null") == [{"text": "Perhaps."}]
        assert check_lake(lake) == []
        (row,) = lake.rows("select sample_id from accepted order by sample_id limit 1")
        plan = plan_takedown(lake, because="asked", samples=[row["sample_id"]])
        assert len(plan.takedown.call_ids) == 2, "the call that wrote the row, and the reader's about it"
        assert take_down(lake, plan.takedown)["removed"]["evidence"] == 1
        assert check_lake(lake) == []


def test_what_a_recipe_says_wrong_about_it_is_a_sentence(cli):
    content = copy.deepcopy(SMALL)
    content["filters"] = {"example_on_topic": {"role": "raeder"}}
    content["models"]["reader"] = {"engine": "solver"}
    assert "filters.example_on_topic.role: unknown role 'raeder'; did you mean 'reader'" in cli(
        "plan", cli.recipe(content), code=1
    )
    content["filters"] = {"example_on_topic": {"max_token": 3}}
    assert "did you mean 'max_tokens'" in cli("plan", cli.recipe(content), code=1)
