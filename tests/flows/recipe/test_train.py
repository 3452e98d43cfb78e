"""The part `train` of a recipe: the sentence for the older form, the tasks that are judged, and a stage named with --set."""

import copy

import pytest
import yaml

from flows.recipe.overrides import apply_override
from flows.recipe.recipe import make_recipe
from flows.recipe.train import TrainSpec, as_plan
from storage.errors import RecipeError
from tests.flows.conftest import SMALL

OLD = {
    "when": {"min_new_rows": 200},
    "tasks": ["arithmetic"],
    "methods": ["cot"],
    "rl": {"steps": 2},
    "sft": {"epochs": 3},
    "evaluate": {"samples": 4},
}
NEW = {
    "when": {"min_new_rows": 200},
    "plan": [
        {"sft": {"tasks": ["arithmetic"], "methods": ["cot"], "epochs": 3}},
        {"rl": {"tasks": ["arithmetic"], "methods": ["cot"], "steps": 2}},
    ],
    "evaluate": {"samples": 4},
}


def test_a_recipe_of_the_older_form_is_shown_its_plan(tmp_path):
    with pytest.raises(RecipeError) as error:
        make_recipe({**copy.deepcopy(SMALL), "train": OLD}, folder=tmp_path)
    message = str(error.value)
    assert "sft, rl, tasks, methods: a training is a list of stages now" in message
    shown = yaml.safe_load(message[message.index("train:\n") :])
    assert shown == {"train": NEW}
    recipe = make_recipe({**copy.deepcopy(SMALL), **shown}, folder=tmp_path)
    assert [step.name for step in recipe.train.steps] == ["sft", "rl"]


def test_what_has_no_stages_keeps_its_tasks_for_the_evaluation():
    assert as_plan({"tasks": ["arithmetic"]}) == {"evaluate": {"tasks": ["arithmetic"]}}


def test_the_tasks_that_stages_name_are_judged_unless_the_recipe_names_others():
    both = [{"sft": {"tasks": ["b"]}}, {"rl": {"tasks": ["a"]}}]
    assert TrainSpec(plan=both).judged_tasks == ("a", "b")
    assert TrainSpec(plan=[*both, {"sft": {}}]).judged_tasks is None
    assert TrainSpec(plan=both, evaluate={"tasks": ["a"]}).judged_tasks == ("a",)
    assert TrainSpec().judged_tasks is None


@pytest.mark.parametrize("key", ["0.sft", "sft", "warm-up"])
def test_a_stage_is_set_by_its_number_its_kind_or_its_name(key):
    content = {"train": {"plan": [{"sft": {"name": "warm-up", "epochs": 1}}, {"rl": {}}]}}
    apply_override(content, f"train.plan.{key}.epochs=4")
    assert content["train"]["plan"][0] == {"sft": {"name": "warm-up", "epochs": 4}}


def test_a_kind_that_repeats_is_not_guessed():
    content = {"train": {"plan": [{"sft": {}}, {"sft": {"name": "b"}}]}}
    with pytest.raises(RecipeError, match="2 stages are sft"):
        apply_override(content, "train.plan.sft.epochs=4")
    apply_override(content, "train.plan.b.epochs=4")
    assert content["train"]["plan"][1]["sft"]["epochs"] == 4
