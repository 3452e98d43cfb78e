"""`${name}` where a number belongs, and what is said when the variable is none."""

import pytest

from flows.recipe.recipe import make_recipe
from flows.recipe.variables import with_numbers
from storage.errors import RecipeError
from tests.flows.conftest import SMALL


def recipe(variables, **parts):
    return make_recipe({**SMALL, "vars": variables, **parts}, folder=".")


def problems(limit):
    return {**SMALL["problems"], "limit": limit}


def test_a_variable_stands_for_a_number_anywhere_in_the_recipe():
    plan = [{"sft": {"limit": "${n}", "epochs": "${e}"}}]
    filled = recipe({"n": 7, "e": "0.5"}, problems=problems("${n}"), train={"plan": plan})
    assert filled.problems.limit == 7 and filled.vars == {"n": "7", "e": "0.5"}
    (step,) = filled.train.steps
    assert (step.selection.limit, step.config.epochs) == (7, 0.5)
    assert recipe({"n": "8"}, problems=problems("${n}")).digest != recipe({"n": "7"}, problems=problems("${n}")).digest


def test_paths_and_texts_stay_as_they_are():
    content = {
        "vars": {"data": "folder", "n": "3"},
        "a": "${data}",
        "b": "${data}/${n}.jsonl",
        "c": ["${n}", {"d": "${n}"}],
    }
    filled = with_numbers(content)
    assert filled == {**content, "c": [3, {"d": 3}]}
    assert recipe({"data": "folder"}).path("${data}/x").name == "x"


@pytest.mark.parametrize("variables", [{}, {"n": "many"}])
def test_a_number_whose_variable_is_none_says_how_to_set_it(variables):
    with pytest.raises(RecipeError, match=r"problems.limit = '\$\{n\}': .*--set vars.n="):
        recipe(variables, problems=problems("${n}"))
