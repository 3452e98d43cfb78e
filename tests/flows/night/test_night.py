from pathlib import Path

import pytest

from flows.night.night import Night
from flows.recipe.recipe import make_recipe
from flows.report.progress import Progress
from storage.errors import RecipeError
from storage.releases.making import create_release
from synth.sandbox import SandboxError, bubblewrap, check_sandbox
from tests.storage.releases.test_formats import accept

RECIPE = {
    "name": "r",
    "dataset": "set",
    "problems": {"sources": [{"name": "a", "kind": "arithmetic"}]},
    "models": {"teacher": {"engine": "solver"}},
    "methods": [{"method": "cot"}],
}


def test_a_night_does_not_pay_for_answers_that_its_release_could_not_hold(lake, ledger):
    def check(tasks, **changes):
        recipe = make_recipe({**RECIPE, **changes}, folder=Path())
        Night(recipe, "2026-01-02", lake.workspace, lake, ledger, Progress(quiet=True)).check_formats(tasks)

    check({"math_word"})  # there is no release yet
    accept(lake, [("math_word", "hash", "model", "#### 5")])
    create_release(lake, "set", night="2026-01-01/r", condition=make_recipe(RECIPE, folder=Path()).condition)
    check({"math_word"})
    with pytest.raises(RecipeError, match=r"set@1 has rows of task 'math_word' in the format hash.*would be boxed"):
        check({"math_word"}, answer="boxed")
    check({"arithmetic"}, answer="boxed")
    check({"math_word"}, answer="boxed", mixed_formats=True)
    check({"math_word"}, answer="boxed", where="night > '2026-01-01/r'")


def test_a_night_and_its_plan_refuse_a_method_whose_programs_cannot_be_run_here(lake, ledger, monkeypatch):
    recipe = make_recipe(
        {**RECIPE, "methods": [{"method": "tool_dialogue", "params": {"environment": "python"}}]}, folder=Path()
    )
    night = Night(recipe, "2026-01-02", lake.workspace, lake, ledger, Progress(quiet=True))
    check_sandbox.cache_clear()
    monkeypatch.setattr(bubblewrap.shutil, "which", lambda _: None)
    with pytest.raises(SandboxError, match="apt-get install bubblewrap"):
        night.check()
    check_sandbox.cache_clear()
