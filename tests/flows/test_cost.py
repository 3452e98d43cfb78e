"""A night that pays for its teacher, a small HTTP server here: its cost is in SQL, a limit is a hard stop, the key is nowhere."""

import copy
import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from storage.lake.lake import Lake
from storage.workspace import Workspace
from tests.flows.conftest import SMALL
from tests.flows.endpoint import Endpoint, serving

KEY = "sk-night-0a1b2c3d4e5f6789"
USAGE = {"prompt_tokens": 30, "completion_tokens": 10, "prompt_tokens_details": {"cached_tokens": 20}}
CALL = (10 * 1.0 + 20 * 0.5 + 10 * 2.0) / 1e6
"""What one call costs at the prices of `PAID`."""


class _Teacher(Endpoint):
    def reply(self, asked: Any) -> tuple[int, Any]:
        right = self.headers.get("Authorization") == f"Bearer {KEY}"
        choice = {"index": 0, "message": {"role": "assistant", "content": "#### 1"}, "finish_reason": "stop"}
        body = {"choices": [choice], "usage": USAGE} if right else {"error": {"message": str(self.headers)}}
        return (200 if right else 401), body


@pytest.fixture
def endpoint() -> Iterator[str]:
    with serving(_Teacher) as address:
        yield address


def test_a_night_stops_at_its_limit_of_cost_and_shows_its_key_nowhere(cli, endpoint):
    content = copy.deepcopy(SMALL)
    content["problems"]["limit"] = 30
    content["methods"] = [{"method": "gold"}, {"method": "cot", "params": {"temperature": 0, "max_tokens": 512}}]
    content["models"]["teacher"] = {
        "engine": "vllm", "endpoint": endpoint, "name": "t", "revision": "1", "concurrency": 1, "api_key_env": "A_KEY",
        "price": {"prompt": 1.0, "completion": 2.0, "cached": 0.5},
    }  # fmt: skip
    limit = 0.0015
    content["budget"] = {"cost": limit, "failures": None}
    recipe = cli.recipe(content)
    cli.environment |= {"A_KEY": KEY[:-1] + "0", "PREFECT_LOGGING_LEVEL": "DEBUG"}
    command = cli.command("run", recipe, "--date", "2026-01-01")
    refused = subprocess.run(
        command, env=cli.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=240
    )
    assert refused.returncode == 1 and b"Traceback" in refused.stdout, "the noisiest log there is"
    assert b"401, access denied; check the value of the environment variable A_KEY" in refused.stdout
    cli.environment["A_KEY"] = KEY
    shown = cli("run", recipe, "--date", "2026-01-01", "--json")
    night = json.loads(shown[shown.index("{") :])["night"]
    funnel = {line["method"]: line for line in night["funnel"]}
    done = funnel["cot"]["done"]
    assert 0 < done < 30 == funnel["cot"]["planned"] == done + funnel["cot"]["failed"]
    assert {row["reason"] for row in night["reasons"]} >= {"budget"} and "budget.cost" in night["budget"]
    assert funnel["gold"]["accepted"] == 30 == night["release_rows"], "what needs no call is released all the same"
    with Lake(Workspace.open(cli.workspace), read_only=True) as lake:
        (cost,) = lake.rows("select * exclude (night, seconds) from costs")
        (time,) = lake.rows("select sum(seconds) as seconds from costs")
    assert cost.pop("cost") == pytest.approx(done * CALL) and done * CALL <= limit < 30 * CALL + limit
    assert cost == {
        "method": "cot", "model": "t@1", "role": "teacher", "calls": done, "prompt_tokens": 30 * done,
        "cached_tokens": 20 * done, "completion_tokens": 10 * done, "thought_tokens": 0,
    }  # fmt: skip
    assert time["seconds"] > 0
    written = [path.read_bytes() for path in cli.workspace.rglob("*") if path.is_file()]
    for text in (refused.stdout, shown.encode(), *written):
        assert KEY[:12].encode() not in text


def test_a_night_whose_time_is_over_releases_what_it_has(cli):
    content = copy.deepcopy(SMALL)
    content["problems"]["limit"] = 20
    content["methods"] = [{"method": "gold"}, *SMALL["methods"]]
    content["budget"] = {"finish_by": 0.001, "failures": None}
    night = json.loads(cli("run", cli.recipe(content), "--date", "2026-01-01", "--json", "--quiet"))["night"]
    funnel = {line["method"]: line for line in night["funnel"]}
    assert (funnel["cot"]["planned"], funnel["cot"]["failed"], funnel["cot"]["done"]) == (20, 20, 0)
    assert night["release_rows"] == funnel["gold"]["accepted"] == 20
    assert "finish_by" in night["budget"] and {row["reason"] for row in night["reasons"]} == {"budget"}
