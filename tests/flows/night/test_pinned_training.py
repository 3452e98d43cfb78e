"""A training that goes on with anything but what it was begun with says so, and goes on when that is accepted."""

import copy

import pytest

from flows.night.night import open_night
from flows.night.pinning import training_digests
from flows.recipe.recipe import make_recipe
from flows.report.progress import Progress
from flows.train import run_training
from storage.errors import NightschoolError, PinError
from storage.lake import nights
from storage.lake.lake import Lake
from tests.flows.conftest import SMALL

pytestmark = pytest.mark.slow
DATE = "2026-01-01"
PLAN = [{"sft": {"name": "first", "epochs": 1}}, {"sft": {"name": "second", "loss": "dft"}}]


@pytest.fixture
def recipe(tmp_path):
    def make(plan=PLAN, **train):
        return make_recipe({**copy.deepcopy(SMALL), "train": {"plan": plan, **train}}, folder=tmp_path)

    return make


def test_a_training_that_was_begun_with_another_recipe_says_what_has_changed(recipe, workspace):
    begun = recipe()
    with open_night(begun, DATE, workspace, Progress(quiet=True), "training") as night:
        digests = training_digests(night, begun.train)
        content = {"train": True, "why": "new rows", "change": {}, "release": "gone@1", "digests": digests}
        nights.pin(night.lake, f"train/{night.id}", night.id, begun.name, content)
    other = recipe([{"sft": {"name": "first", "epochs": 2}}, {"sft": {"name": "second"}}], evaluate={"samples": 2})
    message = "begun with other sources of dft, stage first, stage second, train.evaluate"
    with pytest.raises(PinError, match=f"{message}.*--repin"):
        run_training(other, DATE, workspace, Progress(quiet=True))
    with pytest.raises(NightschoolError, match="gone@1"):  # it goes on to the release, which this test has not made
        run_training(begun, DATE, workspace, Progress(quiet=True))
    with pytest.raises(NightschoolError, match="gone@1"):
        run_training(other, DATE, workspace, Progress(quiet=True), repin=True)
    with Lake(workspace) as lake:
        pinned = nights.pinned(lake, f"train/{DATE}/{begun.name}")
    assert pinned["digests"] != digests and pinned["release"] == "gone@1", "the choice of data stays"
    with pytest.raises(PinError, match="begun with other"):
        run_training(begun, DATE, workspace, Progress(quiet=True))


def test_what_changes_no_result_changes_no_pin(recipe, workspace):
    def digests(changed):
        with open_night(changed, DATE, workspace, Progress(quiet=True), "training") as night:
            return training_digests(night, changed.train)

    plan = [{"sft": {"name": "first", "epochs": 1, "save_every": 5}}, {"sft": {"name": "second", "loss": "dft"}}]
    assert digests(recipe()) == digests(recipe(plan, evaluate={"batch_rows": 3}, when={"min_new_rows": 9}))
