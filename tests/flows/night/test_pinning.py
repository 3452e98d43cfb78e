import sys
from pathlib import Path

import pytest

from flows.night.night import Night
from flows.night.pinning import pin, sources_of
from flows.recipe.recipe import make_recipe
from flows.report.progress import Progress
from storage.errors import PinError, RecipeError
from synth.choosers import get_chooser
from synth.environments import get_environment
from synth.methods import get_method
from synth.scorers import get_scorer

METHOD = """
from synth.methods import method
@method("lone", paper="none", makes=("sft",))
async def lone(problem, models, params):
    "Nothing."
    yield
"""
RECIPE = {
    "name": "r",
    "problems": {"sources": [{"name": "a", "kind": "arithmetic", "limit": 4}]},
    "models": {"teacher": {"engine": "solver"}},
    "methods": [{"method": "candidates", "params": {"samples": 2}}, {"method": "tool_dialogue"}],
}


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder as packages are installed in: a method that is a single module, and one in a package of two files."""
    (tmp_path / "lone_plugin.py").write_text(METHOD)
    (tmp_path / "whole_plugin").mkdir()
    for name in ("__init__", "parser"):
        (tmp_path / "whole_plugin" / f"{name}.py").write_text(METHOD)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith(("lone_plugin", "whole_plugin"))]:
        del sys.modules[name]


def test_a_method_that_is_a_single_module_is_pinned_by_its_file_alone(site):
    import lone_plugin

    before = sources_of(lone_plugin.lone)
    (site / "somebody_else.py").write_text("x = 1")
    assert sources_of(lone_plugin.lone) == before
    (site / "lone_plugin.py").write_text(METHOD + "# changed")
    assert sources_of(lone_plugin.lone) != before


def test_a_method_in_a_package_is_pinned_by_the_files_it_shares(site):
    import whole_plugin

    before = sources_of(whole_plugin.lone)
    (site / "somebody_else.py").write_text("x = 1")
    assert sources_of(whole_plugin.lone) == before
    (site / "whole_plugin" / "parser.py").write_text("changed = 1")
    assert sources_of(whole_plugin.lone) != before


def test_folders_of_ours_are_pinned_whole_and_apart():
    parts = [get_method("cot"), get_scorer("answer"), get_chooser("random"), get_environment("calculator")]
    assert len({sources_of(part) for part in parts}) == 4
    assert sources_of(get_method("cot")) == sources_of(get_method("tutorship"))


def test_a_night_that_was_begun_with_another_judge_or_scorer_stops_and_names_it(lake, ledger, monkeypatch):
    def night():
        return Night(
            make_recipe(RECIPE, folder=Path()), "2026-01-01", lake.workspace, lake, ledger, Progress(quiet=True)
        )

    pin(night(), repin=False)
    pin(night(), repin=False)
    with monkeypatch.context() as patched:
        patched.setattr("flows.night.pinning.VERSION", "another")
        with pytest.raises(PinError, match="other judge of answers"):
            pin(night(), repin=False)

    def changed(part):
        return sources_of(part) + ("x" if getattr(part, "name", "") in ("answer", "calculator") else "")

    with monkeypatch.context() as patched:
        patched.setattr("flows.night.pinning.sources_of", changed)
        with pytest.raises(PinError, match=r"environment calculator, scorer answer"):
            pin(night(), repin=False)


def test_the_roles_of_scorers_stand_in_the_recipes_check():
    content = {**RECIPE, "methods": [{"method": "candidates", "params": {"samples": 3, "scorers": ["rubric"]}}]}
    with pytest.raises(RecipeError, match="method 'candidates' asks a grader"):
        make_recipe(content, folder=Path())
    method = get_method("candidates")
    params = method.params(samples=3, scorers=("rubric",))
    assert method.calls(params) == {"teacher": 3, "grader": 9} and method.asked_roles(params) == ("teacher", "grader")
