"""From a lake to the rows of a stage: what RL is told of pass rates, and what it tells the lake."""

import shutil
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import synth.problems
from filters.night.trials import Trial, store_trials
from filters.rules.difficulty import pass_rates
from storage.lake.lake import Lake
from storage.models.checkpoints import register_checkpoint
from storage.workspace import Workspace
from synth.answers.outcome import Check, Outcome
from synth.calls.prompting import Prompts
from train_stages import pipeline
from train_stages.pipeline import Selection, Training
from train_stages.process.job import Job
from train_stages.stages.rl import RL, RlConfig, questions

pytestmark = pytest.mark.slow


class Release:
    id, content_hash = "r@1", "h"

    def table(self):
        return pa.table({})


class Sometimes:
    """Right by chance for odd problems; never for the others."""

    def check(self, problem, response):
        right = problem.attrs["number"] % 2 and len(response) % 2
        return Check(Outcome.CORRECT if right else Outcome.WRONG)

    def solve(self, problem):
        return problem.solution


@pytest.fixture
def training(base, problems, tmp_path, monkeypatch):
    chosen = [replace(problem, attrs={"number": n}) for n, problem in enumerate(problems[:12])]
    monkeypatch.setattr(Training, "problems", lambda self: chosen)
    with Lake(Workspace.create(tmp_path / "w")) as lake:
        told = Training(lake, "2026-01-01/x", Release(), Prompts(), Selection(), 0, "v", lambda *_: None)
        path = shutil.copytree(base, lake.workspace.folder("checkpoints") / "base")
        yield told, register_checkpoint(lake, path, stage="base", night=None, config={}, code_version="v")


def tried(problem, parent, correct, tries=8):
    return [Trial(problem.id, parent.id, "{}", str(n), "correct" if n < correct else "wrong") for n in range(tries)]


def test_rl_learns_from_problems_that_its_parent_solves_sometimes(training):
    told, parent = training
    first, second, third, *_ = told.problems()
    store_trials(
        told.lake, "a", [*tried(first, parent, 0), *tried(second, parent, 3), *tried(third, parent, 8)], night="n"
    )
    other = replace(parent, id="another")
    store_trials(told.lake, "b", tried(told.problems()[3], other, 8), night="n")
    seen = told.preflight("rl", parent, {"max_tokens": 32, "device": "cpu", "max_length": 512})
    assert seen["pass_rates"] == {
        "problems_given": 12, "pass_rate_known": 3, "always_solved": 1, "never_solved": 1, "chosen": 10
    }  # fmt: skip
    everything = told.preflight(
        "rl", parent, {"max_tokens": 32, "device": "cpu", "max_length": 512, "difficulty": "all"}
    )
    assert everything["pass_rates"]["chosen"] == 12


def test_what_was_measured_is_in_the_lake_and_not_measured_again(training, monkeypatch):
    told, parent = training
    monkeypatch.setattr(synth.problems, "get_task", lambda name: Sometimes())
    monkeypatch.setattr(pipeline, "launch", lambda stage, job, *_, **__: RL.run(job, lambda *_: None))
    options = {"steps": 1, "prompts_per_step": 2, "samples": 2, "max_tokens": 6, "device": "cpu", "difficulty": "measured",
               "least_tries": 4}  # fmt: skip
    made, metrics = told.stage("rl", parent, options)
    assert metrics["pass_rate_known"] == 12 and metrics["never_solved"] >= 6
    rates = pass_rates(told.lake, parent.id)
    assert len(rates) == 12 and {rate.tries for rate in rates.values()} == {4}
    assert told.stage("rl", parent, options) == (made, metrics), "what is made is found, although rates are known now"
    again = made.path.with_name("again")
    rows = told.lake.workspace.folder("rows") / "rows.parquet"
    pq.write_table(questions(told.material(RL, parent), RlConfig(**options)), rows)
    monkeypatch.setattr(
        "train_stages.rl.pass_rates.measure", lambda problems, *_, **__: {p.id: 1 / 0 for p in problems}
    )
    RL.run(Job(parent=parent.path, rows=rows, out=again, options=options), lambda *_: None)
    assert pq.read_table(again / "rollouts.parquet").num_rows == 2
