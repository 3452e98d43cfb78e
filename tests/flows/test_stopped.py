"""Why a night stopped is in the lake: the report says it, and only what time may mend is gone on with by itself."""

import copy
from unittest.mock import patch

import pytest

from benchmarks.soaking.plain import plain_nights
from flows.night.due import due_by_the_lake
from flows.recipe.recipe import make_recipe
from flows.report.gather import gather
from storage.errors import BudgetError, ModelServerError
from storage.lake.lake import Lake
from storage.lake.nights import stopped
from synth.engines.base import RequestRefused
from synth.engines.solver import Solver
from tests.flows.conftest import SMALL

pytestmark = pytest.mark.slow

DAY = "2026-01-02"


class Fails(Solver):
    """A teacher that fails as it was told to."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def answer(self, request):
        raise self.error


@pytest.mark.parametrize(
    ("error", "raised", "message", "interrupted"),
    [
        (ModelServerError("teacher is away"), ModelServerError, "is away", [DAY]),
        (RequestRefused("prompt_too_long", "far too long"), BudgetError, "more than budget.failures of 50%", []),
    ],
)
async def test_a_night_that_stopped(workspace, tmp_path, error, raised, message, interrupted):
    content = copy.deepcopy(SMALL)
    content["shard"] = 30  # of 60: when half of them have failed, the others are still open
    recipe = make_recipe(content, folder=tmp_path)
    with patch("flows.night.night.open_engine", lambda *_: Fails(error)), pytest.raises(raised):
        await plain_nights(recipe, [DAY], workspace.root)
    with Lake(workspace, read_only=True) as lake:
        assert (
            message in stopped(lake, "small")[DAY]["words"] and stopped(lake, "small")[DAY]["kind"] == raised.__name__
        )
        (item,) = [item for item in gather(lake, f"{DAY}/small")["attention"] if item["title"] == "The night stopped"]
    assert item["level"] == "act" and message in item["text"] and DAY in item["command"]
    assert due_by_the_lake(recipe, DAY, workspace, 3).interrupted == interrupted
    assert due_by_the_lake(recipe, "2026-01-03", workspace, 3).nights == [DAY, "2026-01-03"], (
        "the next night tries again"
    )

    await plain_nights(recipe, [DAY], workspace.root)
    with Lake(workspace, read_only=True) as lake:
        assert stopped(lake, "small") == {}
        assert "The night stopped" not in {item["title"] for item in gather(lake, f"{DAY}/small")["attention"]}
    assert due_by_the_lake(recipe, DAY, workspace, 3).interrupted == []
