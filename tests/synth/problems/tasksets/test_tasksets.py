"""Tasksets of verifiers come in as problems: what is missing is said; where the library is installed, they are drawn and scored."""

import textwrap
from importlib.util import find_spec

import pytest

from storage.errors import ProblemError, RecipeError
from synth.answers.outcome import Outcome
from synth.problems import get_task, open_source
from synth.problems.tasksets import library

PACKAGE = """
import verifiers.v1 as vf

class Data(vf.TaskData):
    answer: str

class Sums(vf.Task[Data]):
    @vf.reward
    async def right(self, trace) -> float:
        if "fail" in trace.last_reply:
            raise ValueError("no")
        return float(trace.last_reply.endswith(self.data.answer))

class SumsTaskset(vf.Taskset[Sums, vf.TasksetConfig]):
    def load(self):
        for n in range(40):
            yield Sums(Data(prompt=f"What is {n} + 1?", answer=f"<{n + 1}>"), self.config.task)

__all__ = ["SumsTaskset"]
"""


@pytest.mark.skipif(find_spec("verifiers") is not None, reason="verifiers is installed here")
def test_without_the_library_it_is_said_how_to_get_it():
    with pytest.raises(RecipeError, match=r"pip install 'nightschool\[verifiers\]'"):
        open_source("verifiers", {"taskset": "sums", "license": "MIT"})


def test_a_licence_has_to_be_known():
    with pytest.raises(ProblemError, match=r"declares no licence.*options.license"):
        open_source("verifiers", {"taskset": "no-such-taskset"})


@pytest.mark.parametrize("name", ["antigravity", "beside_the_recipe", "owner/beside-the-recipe@2"])
def test_a_module_that_no_package_installed_is_not_imported(tmp_path, monkeypatch, name):
    (tmp_path / "beside_the_recipe.py").write_text("raise SystemExit('it was imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(library, "check_installed", lambda: None)
    with pytest.raises(RecipeError, match="is no installed package"):
        open_source("verifiers", {"taskset": name, "license": "MIT"})


def test_tasks_are_drawn_and_scored_by_their_own_rewards(tmp_path, monkeypatch):
    pytest.importorskip("verifiers.v1")
    (tmp_path / "vf_sums.py").write_text(textwrap.dedent(PACKAGE))
    (tmp_path / "vf_sums-1.dist-info").mkdir()
    (tmp_path / "vf_sums-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: vf-sums\nVersion: 1\n")
    (tmp_path / "vf_sums-1.dist-info" / "top_level.txt").write_text("vf_sums\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    source = open_source("verifiers", {"taskset": "vf-sums", "license": "MIT"})
    problems = source.draw(10, seed=1)
    assert [problem.prompt for problem in problems[:2]] == ["What is 0 + 1?", "What is 1 + 1?"]
    assert source.draw(10, seed=2) == problems and problems[0].license == "MIT" and problems[0].gold == "<1>"
    held = frozenset(problem.structure_id for problem in problems)
    assert source.draw(40, seed=1, exclude=held)[0].prompt == "What is 10 + 1?"
    outcomes = [
        get_task("verifiers").check(problems[0], text).outcome
        for text in ("It is <1>", "<2>", "fail", "", "<think><1>")
    ]
    assert outcomes == [Outcome.CORRECT, Outcome.WRONG, Outcome.UNVERIFIABLE, Outcome.WRONG, Outcome.WRONG]
    with pytest.raises(RecipeError, match="no installed package"):
        open_source("verifiers", {"taskset": "no-such-taskset", "license": "MIT"})
