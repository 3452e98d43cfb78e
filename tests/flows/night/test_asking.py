"""A night whose filters ask a model, a small HTTP server here: its calls are the night's, and are made once."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from storage.lake.lake import Lake
from storage.workspace import Workspace
from tests.flows.conftest import SMALL
from tests.flows.endpoint import Endpoint, serving


class _Grader(Endpoint):
    def reply(self, asked: Any) -> tuple[int, Any]:
        if self.path == "/v1/completions":
            assert (asked["echo"], asked["max_tokens"], asked["logprobs"]) == (True, 0, 1)
            logprobs = {"token_logprobs": [None, *[-1.0] * (len(asked["prompt"]) - 1)]}
            usage = {"prompt_tokens": len(asked["prompt"])}
            return 200, {"choices": [{"text": asked["prompt"], "logprobs": logprobs}], "usage": usage}
        choice = {"index": 0, "message": {"role": "assistant", "content": "Good.\nScore: 5"}, "finish_reason": "stop"}
        return 200, {"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 4}}


@pytest.fixture
def endpoint() -> Iterator[str]:
    with serving(_Grader) as address:
        yield address


def night_that_asks(cli, endpoint: str, filter_name: str, role: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run a night of 20 rows whose filter asks a role at an endpoint; its recipe and its figures."""
    content = copy.deepcopy(SMALL)
    content["problems"]["limit"] = 20
    content["models"][role] = {"engine": "vllm", "endpoint": endpoint, "name": role, "revision": "1"}
    content["filters"] = {filter_name: {"role": role}}
    summary = json.loads(cli("run", cli.recipe(content), "--date", "2026-01-01", "--json", "--quiet"))
    return content, summary["night"]


def test_a_night_with_a_rubric(cli, endpoint):
    content, night = night_that_asks(cli, endpoint, "rubric", "grader")
    assert night["release_rows"] == 20, "nothing was known to be wrong, so the rubric only observes"
    with Lake(Workspace.open(cli.workspace), read_only=True) as lake:
        asked = lake.rows(
            "select aspect, count(*) as rows, min(score) as least from rubric_scores group by all order by all"
        )
        calls = lake.rows(
            "select count(*) as n from calls where role = 'grader' and model = 'grader@1' and method = 'rubric'"
        )
        outcomes = lake.rows(
            "select distinct outcome, detail->>'may_reject' as may from verdicts where filter = 'rubric'"
        )
    assert [(aspect["aspect"], aspect["rows"], aspect["least"]) for aspect in asked] == [
        ("clarity", 20, 5),
        ("correctness", 20, 5),
    ]
    assert calls == [{"n": 40}] and outcomes == [{"outcome": "pass", "may": "false"}]
    content["filters"] = {"rubric": {"role": "gradr"}}
    assert "did you mean 'grader'" in cli("run", cli.recipe(content), "--date", "2026-01-02", "--quiet", code=1)


def test_a_night_whose_rows_are_scored(cli, endpoint):
    content, night = night_that_asks(cli, endpoint, "perplexity", "scorer")
    assert night["release_rows"] == 20, "without a limit the filter only observes"
    with Lake(Workspace.open(cli.workspace), read_only=True) as lake:
        outcomes = lake.rows(
            "select v.outcome, round((v.detail->>'perplexity')::double, 3) as perplexity, count(*) as n, "
            "count(distinct p.call_id) as calls, min(length(s.response) - 1 - p.tokens) as odd from verdicts v "
            "join perplexities p using (sample_id) join samples s using (sample_id) where v.filter = 'perplexity' group by all"
        )
        calls = lake.rows("select sample, count(*) as n from calls where method = 'perplexity' group by all")
    assert outcomes == [{"outcome": "pass", "perplexity": 2.718, "n": 20, "calls": 20, "odd": 0}]
    assert calls == [{"sample": "logprobs", "n": 20}]
    content["models"]["scorer"] = {"engine": "solver"}
    assert "must have the engine vllm" in cli("run", cli.recipe(content), "--date", "2026-01-02", "--quiet", code=1)
