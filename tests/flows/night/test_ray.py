"""Shards on Ray: the same rows as without, each call once; what one process alone can do is refused with a sentence."""

import copy
import importlib.util
import json
import sys

import pytest

from flows.night.night import open_night
from flows.night.ray_shards import ray_shards
from flows.recipe.recipe import make_recipe
from flows.report.progress import Progress
from storage.errors import OrchestratorError, RecipeError
from storage.lake.lake import Lake
from storage.workspace import Workspace
from tests.flows.conftest import SMALL

pytestmark = pytest.mark.slow

DATE = ("--date", "2026-01-01")


@pytest.mark.skipif(importlib.util.find_spec("prefect_ray") is None, reason="the extra `ray` is not installed")
def test_a_night_whose_shards_run_on_ray_has_the_same_rows(cli):
    recipe = cli.recipe(SMALL)
    responses = {}
    for name in ("here", "ray"):
        cli.environment["NIGHTSCHOOL_WORKSPACE"] = str(cli.folder / name)
        result = json.loads(
            cli("run", recipe, *DATE, "--json", "--quiet", *(("--ray", "local") if name == "ray" else ()))
        )
        assert result["night"]["release_rows"] == 60
        with Lake(Workspace.open(cli.folder / name), read_only=True) as lake:
            responses[name] = lake.rows("select sample_id, response from samples order by all")
            assert lake.rows("select count(*) as n, count(distinct call_id) as ids from calls") == [
                {"n": 60, "ids": 60}
            ]
        assert cli("lake", "check", "--quiet").strip() == "nothing is wrong"
    assert responses["here"] == responses["ray"]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("budget", {"tokens": 5}, "budget.tokens cannot be kept by shards on Ray"),
        (
            "models",
            {"teacher": {"engine": "transformers", "checkpoint": "x"}},
            "models.teacher would be started by every",
        ),
    ],
)
def test_what_one_process_alone_can_do_is_refused(workspace, tmp_path, key, value, message):
    recipe = make_recipe({**copy.deepcopy(SMALL), key: value}, folder=tmp_path)
    with (
        open_night(recipe, "2026-01-01", workspace, Progress(quiet=True)) as night,
        pytest.raises(RecipeError, match=message),
        ray_shards(night, "local"),
    ):
        pass


def test_without_prefect_ray_the_error_names_the_extra(workspace, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "prefect_ray", None)
    with (
        open_night(make_recipe(SMALL, folder=tmp_path), "2026-01-01", workspace, Progress(quiet=True)) as night,
        pytest.raises(OrchestratorError, match=r"--editable '\.\[ray\]'"),
        ray_shards(night, "local"),
    ):
        pass
