"""A step of a plan at work: what RL is told of pass rates, and what it tells the lake."""

import shutil
from dataclasses import dataclass, field, replace

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
from train_stages.plan import run
from train_stages.plan.reading import Reader, Reading, table_digest
from train_stages.plan.run import Training
from train_stages.plan.steps import read_plan
from train_stages.process.job import Job
from train_stages.stages.base import Material
from train_stages.stages.rl import RL, bare_prompt

pytestmark = pytest.mark.slow


class Release:
    id = "r@1"


@dataclass(frozen=True)
class Given(Reader):
    """Reads the problems that it was given."""

    problems: list = field(default_factory=list)

    def read(self, step, rates=None):
        measured = rates(self.problems) if rates else {}
        material = Material("r@1", pa.table({}), self.problems, bare_prompt, rates=measured)
        rows = step.stage.rows(material, step.config)
        samples = pa.table({"sample_id": pa.array([], pa.string()), "problem_id": pa.array([], pa.string())})
        return Reading(rows, table_digest(rows.drop_columns(["tries", "correct"])), samples)


class Sometimes:
    """Right by chance for odd problems; never for the others."""

    def check(self, problem, response):
        right = problem.attrs["number"] % 2 and len(response) % 2
        return Check(Outcome.CORRECT if right else Outcome.WRONG)

    def solve(self, problem):
        return problem.solution


@pytest.fixture
def training(base, problems, tmp_path):
    chosen = [replace(problem, attrs={"number": n}) for n, problem in enumerate(problems[:12])]
    with Lake(Workspace.create(tmp_path / "w")) as lake:
        reader = Given(lake, Release(), bare_prompt, lambda: None, lambda path: path, chosen)
        path = shutil.copytree(base, lake.workspace.folder("checkpoints") / "base")
        parent = register_checkpoint(lake, path, stage="base", night=None, config={}, code_version="v")
        yield Training(reader, "2026-01-01/x", "p", "v", lambda *_: None), parent


def rl(**settings):
    (step,) = read_plan([{"rl": {"max_tokens": 32, "device": "cpu", "max_length": 512, **settings}}])
    return step


def tried(problem, parent, correct, tries=8):
    return [Trial(problem.id, parent.id, "{}", str(n), "correct" if n < correct else "wrong") for n in range(tries)]


def test_rl_learns_from_problems_that_its_parent_solves_sometimes(training):
    work, parent = training
    lake, (first, second, third, fourth, *_) = work.reader.lake, work.reader.problems
    store_trials(lake, "a", [*tried(first, parent, 0), *tried(second, parent, 3), *tried(third, parent, 8)], night="n")
    store_trials(lake, "b", tried(fourth, replace(parent, id="another"), 8), night="n")
    assert work.preflight(rl(), parent)["pass_rates"] == {
        "problems_given": 12, "pass_rate_known": 3, "always_solved": 1, "never_solved": 1, "chosen": 10
    }  # fmt: skip
    assert work.preflight(rl(difficulty="all"), parent)["pass_rates"]["chosen"] == 12


def test_what_was_measured_is_in_the_lake_and_not_measured_again(training, monkeypatch):
    work, parent = training
    lake = work.reader.lake
    monkeypatch.setattr(synth.problems, "get_task", lambda name: Sometimes())
    monkeypatch.setattr(run, "launch", lambda stage, job, *_, **__: RL.run(job, lambda *_: None))
    step = rl(steps=1, prompts_per_step=2, samples=2, max_tokens=6, difficulty="measured", least_tries=4)
    result = work.run(step, parent)
    assert result.new and result.metrics["pass_rate_known"] == 12 and result.metrics["never_solved"] >= 6
    rates = pass_rates(lake, parent.id)
    assert len(rates) == 12 and {rate.tries for rate in rates.values()} == {4}
    again = work.run(step, parent)
    assert (again.checkpoint, again.new) == (result.checkpoint, False), (
        "what is made is found, although rates are known now"
    )
    rows = lake.workspace.folder("rows") / "rows.parquet"
    pq.write_table(work.reader.read(step, lambda problems: pass_rates(lake, parent.id)).rows, rows)
    monkeypatch.setattr(
        "train_stages.rl.pass_rates.measure", lambda problems, *_, **__: {p.id: 1 / 0 for p in problems}
    )
    out = result.checkpoint.path.with_name("again")
    RL.run(Job(parent=parent.path, rows=rows, out=out, options=dict(step.options)), lambda *_: None)
    assert pq.read_table(out / "rollouts.parquet").num_rows == 2
