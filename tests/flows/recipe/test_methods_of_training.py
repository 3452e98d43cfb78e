"""The recipes of training methods: they are read, and their plans are what their papers did."""

from pathlib import Path

import pytest

from flows.recipe.recipe import load_recipe
from train_stages.plan.steps import Origin

RECIPES = Path(__file__).resolve().parents[3] / "recipes" / "methods"


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("task_arithmetic", [("common", None), ("sums", "common"), ("puzzles", "common"), ("both", "common")]),
        ("math_minos", [("feedback", None), ("verifier", "feedback"), ("answers", None)]),
        ("lets_verify", [("steps", None), ("sft", None)]),
        ("warm_up", [("warm-up", None), ("target", "warm-up")]),
        ("tulu3", [("sft", None), ("preference", "sft"), ("rl", "preference")]),
        ("simplerl_zoo", [("rl", None)]),
        ("srpo", [("hard", None), ("both", "hard")]),
        ("concise", [("able", None), ("concise", "able")]),
        ("dapt_tapt", [("domain", None), ("task", "domain"), ("sft", "task")]),
        ("stability_gap", [("cpt", None), ("sft", "cpt")]),
        ("smoothing", [("smoothed", None), ("sft", None)]),
        ("preference_rounds", [("preference", None)]),
        ("reflect_retry_reward", [("rl", None)]),
        ("sasr", [("warm-up", None), ("switched", "warm-up")]),
        ("self_rewarding", [("seed", None), ("round", "seed")]),
        ("orca2", [("own", None), ("explained", "own"), ("cautious", "explained")]),
        ("on_policy_distillation", [("sft", None), ("distil", "sft")]),
        ("likra", [("ratio", None), ("sft", None)]),
        ("sami", [("preference", None)]),
    ],
)
def test_each_stage_starts_where_it_should(name, steps):
    recipe = load_recipe(RECIPES / f"{name}.yaml")
    assert [(step.name, step.start) for step in recipe.train.steps] == steps


def test_task_vectors_are_those_of_both_trainings():
    both = load_recipe(RECIPES / "task_arithmetic.yaml").train.steps[-1]
    assert both.models == {"sums": Origin(step="sums"), "puzzles": Origin(step="puzzles")}
    assert [vector.weight for vector in both.config.vectors] == [0.5, 0.5]


def test_settings_that_make_the_method_are_what_is_trained_with():
    def steps(name):
        return [step.config for step in load_recipe(RECIPES / f"{name}.yaml").train.steps]

    sft, preference, rl = steps("tulu3")
    assert (sft.learning_rate, preference.loss.beta, preference.rejected) == (5e-6, 5, "wrong") and rl.loss.beta == 0.05
    assert [stage.resampled for stage in steps("srpo")] == ["history", "history"]
    able, concise = steps("concise")
    assert (able.difficulty, concise.difficulty, concise.least_tries) == ("stored", "measured", 16)
    assert load_recipe(RECIPES / "simplerl_zoo.yaml").base.template == "plain"
    assert steps("stability_gap")[0].mixture.cap("rows") == 4
    [reflecting] = steps("reflect_retry_reward")
    assert (
        reflecting.environment.kind == "reflect_retry"
        and reflecting.resampled == "dynamic"
        and reflecting.credit is None
    )
    assert steps("sasr")[1].switch.name == "sasr"
    assert steps("smoothing")[0].loss.smoothing > 0
    assert steps("sami")[0].loss.crossed and steps("likra")[0].adapter is not None


def test_the_recipe_that_compares_changes_one_thing_in_each_arm():
    losses = load_recipe(RECIPES / "compared_losses.yaml").experiment
    assert not losses.arms["plain"].train and all(arm.train for name, arm in losses.arms.items() if name != "plain")
    plain, large = losses.training("plain"), losses.training("large_batch_sqrt")
    larger = large.batch_tokens / plain.batch_tokens
    assert large.learning_rate == pytest.approx(plain.learning_rate * larger**0.5, rel=0.02), (
        "train longer: by the root"
    )


def test_what_is_compared_has_its_control_beside_it():
    adapting = load_recipe(RECIPES / "compared_adapting.yaml").experiment
    assert {arm.where for arm in adapting.arms.values()} == {
        "source = 'second'"
    } and adapting.before == "source = 'first'"
    found, drawn = (adapting.training(arm).regularisers[0] for arm in ("greedy_layer", "random_layer"))
    assert (found.layers, drawn.layers) == ("greedy", "random") and found.most == drawn.most
    assert adapting.training("adapter").adapter.r == 16 and adapting.training("whole_adamw").optimiser.name == "adamw"
    assert [adapting.training(arm).select.name for arm in ("multistage", "random_rows")] == ["multistage", "random"]


def test_each_chooser_that_is_compared_is_asked_for():
    recipe = load_recipe(RECIPES / "compared_choosers.yaml")
    asked = [entry.params["chooser"] for entry in recipe.methods]
    assert list(recipe.experiment.arms) == asked and asked[0] == "random", "the control comes first"
    assert all(arm.where == f"attrs->>'chooser' = '{name}'" for name, arm in recipe.experiment.arms.items())
