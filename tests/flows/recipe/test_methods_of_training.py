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
    ],
)
def test_each_stage_starts_where_it_should(name, steps):
    recipe = load_recipe(RECIPES / f"{name}.yaml")
    assert [(step.name, step.start) for step in recipe.train.steps] == steps


def test_task_vectors_are_those_of_both_trainings():
    both = load_recipe(RECIPES / "task_arithmetic.yaml").train.steps[-1]
    assert both.models == {"sums": Origin(step="sums"), "puzzles": Origin(step="puzzles")}
    assert [vector.weight for vector in both.config.vectors] == [0.5, 0.5]
