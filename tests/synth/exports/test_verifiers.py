"""A release goes out as a package; verifiers, where it is installed, loads it and scores like `nightschool judge`."""

import importlib
import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import pyarrow as pa
import pytest

from storage.errors import LakeError, RecipeError
from synth.answers.format import FORMATS
from synth.answers.outcome import Outcome
from synth.calls.prompting import Prompts
from synth.exports.verifiers import VERIFIERS, export_verifiers, module_name
from synth.problems import get_task, open_source
from synth.sample import problem_row


@pytest.fixture
def problems():
    return [
        *open_source("arithmetic", {"tiers": [1]}).draw(6, seed=1, tier=1),
        *open_source("knights_knaves", {"people": [2]}).draw(3, seed=1),
    ]


def release_of(problems):
    """A release with two rows of each problem, as `batches` reads one."""
    rows = []
    for problem in problems:
        row = problem_row(problem, split="train", night="n")
        rows += [{**row, "problem_attrs": row["attrs"], "attrs": "{}"}] * 2
    return SimpleNamespace(
        id="words@3",
        name="words",
        version=3,
        content_hash="abc",
        batches=lambda: pa.Table.from_pylist(rows).to_batches(),
    )


@pytest.fixture
def package(problems, tmp_path):
    assert export_verifiers(release_of(problems), tmp_path / "out", Prompts(form=FORMATS["boxed"])) == len(problems)
    return tmp_path / "out"


def test_each_problem_with_a_gold_answer_goes_out_once_as_it_is_asked(package, problems):
    name = module_name(release_of([]))
    assert name == "nightschool_words_3"
    lines = [json.loads(line) for line in (package / name / "problems.jsonl").read_text().splitlines()]
    assert [line["id"] for line in lines] == [problem.id for problem in problems]
    for line, problem in zip(lines, problems, strict=True):
        assert problem.prompt in line["prompt"][-1]["content"] and "boxed" in json.dumps(line["prompt"])
        again = replace(problem, gold=line["gold"], attrs=line["attrs"])
        assert get_task(line["task"]).check(again, get_task(problem.task).solve(problem)).outcome is Outcome.CORRECT
    assert f"verifiers=={VERIFIERS}" in (package / "pyproject.toml").read_text()
    for file in package.rglob("*"):
        if file.suffix == ".py":
            compile(file.read_text(), str(file), "exec")
        assert file.is_dir() or "@MODULE@" not in file.read_text()


def test_a_folder_that_exists_and_a_release_without_gold_are_refused(package, problems, tmp_path):
    with pytest.raises(RecipeError, match="exists already"):
        export_verifiers(release_of(problems), package, Prompts())
    with pytest.raises(LakeError, match="no problem with a gold answer"):
        export_verifiers(release_of([replace(problems[0], gold="")]), tmp_path / "other", Prompts())


def test_the_release_loads_in_verifiers_and_scores_as_we_do(package, problems, monkeypatch):
    vf = pytest.importorskip("verifiers.v1")
    monkeypatch.syspath_prepend(str(package))
    module = importlib.import_module("nightschool_words_3")
    assert isinstance(module.load_environment(), vf.Env)
    tasks = list(vf.load_taskset(vf.TasksetConfig(id="nightschool_words_3")))
    assert [task.data.id for task in tasks] == [problem.id for problem in problems]
    monkeypatch.setattr(sys.modules["nightschool_words_3.taskset"], "JUDGES", {"arithmetic": "another"})
    with pytest.raises(RuntimeError, match="export anew"):
        list(vf.load_taskset(vf.TasksetConfig(id="nightschool_words_3")))
