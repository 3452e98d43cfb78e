"""`prefect deploy --all` on a fresh server makes both deployments, with their schedules and the trigger."""

import subprocess
import sys
from pathlib import Path

import pytest

from flows.service import deployments
from flows.service.deployments import Plan, make_pools
from storage.errors import RecipeError
from tests.flows.prefect_api import ask

ROOT = Path(__file__).parent.parent.parent.parent


def test_both_deployments_stand_on_a_fresh_server(cli, prefect_server):
    def prefect(*arguments: str) -> None:
        command = [sys.executable, "-m", "prefect", "--no-prompt", *arguments]
        for _ in range(3):  # a busy server is asked again, as `nightschool up` does
            done = subprocess.run(command, cwd=ROOT, env=cli.environment, capture_output=True, text=True, timeout=120)
            if done.returncode == 0:
                break
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]

    for pool in ("cpu", "gpu"):
        prefect("work-pool", "create", "--type", "process", pool)
    prefect("deploy", "--all")
    deployments = {item["name"]: item for item in ask(prefect_server, "deployments/filter")}
    assert {"nightly", "train"} <= set(deployments)
    nightly = {
        item["slug"]: (item["schedule"]["cron"], item["parameters"]) for item in deployments["nightly"]["schedules"]
    }
    assert nightly == {"nightly": ("0 1 * * *", {"cron": "0 1 * * *"}), "resume": ("30 */3 * * *", {"resume": True})}
    assert deployments["nightly"]["global_concurrency_limit"]["limit"] == 1
    triggers = [item["trigger"] for item in ask(prefect_server, "automations/filter")]
    assert any("nightschool.release.created" in trigger["expect"] for trigger in triggers)


def test_pools_are_made_with_the_login_that_an_own_server_demands(prefect_server, monkeypatch):
    from prefect.exceptions import PrefectHTTPStatusError

    monkeypatch.setattr(deployments, "POOLS", ("of-a-test",))
    with monkeypatch.context() as patched:
        patched.setenv("PREFECT_API_AUTH_STRING", "suite:a guess")
        with pytest.raises(PrefectHTTPStatusError, match="401"):
            make_pools(prefect_server)
    make_pools(prefect_server)
    make_pools(prefect_server)  # those that are there are brought up to date
    (pool,) = ask(prefect_server, "work_pools/filter", {"work_pools": {"name": {"any_": ["of-a-test"]}}})
    given = pool["base_job_template"]["variables"]["properties"]
    assert not {"command", "env", "working_dir"} & given.keys(), (
        "who starts a run chooses no program, environment, folder"
    )


def test_a_plan_that_no_night_could_begin_with_is_refused_in_one_sentence():
    recipe = ROOT / "recipes/nightly.yaml"
    Plan(recipe, cron="30 22 * * 1-5", timezone="Europe/Berlin").check()
    with pytest.raises(RecipeError, match=r"cron .banana. is no schedule; .* .0 1 \* \* \*. is one"):
        Plan(recipe, cron="banana").check()
    with pytest.raises(RecipeError, match="timezone 'Mars'"):
        Plan(recipe, timezone="Mars").check()
    with pytest.raises(RecipeError, match="shrad"):
        Plan(recipe, settings=["shrad=3"]).check()
