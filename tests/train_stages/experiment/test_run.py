"""Arms at equal tokens: the rows, the table, and what a second run does not do again."""

import pyarrow as pa
import pytest

from storage.errors import RecipeError
from synth.problems.arithmetic import Arithmetic
from train_stages.experiment import run as experiment
from train_stages.experiment.config import ExperimentConfig
from train_stages.experiment.run import Experiment
from train_stages.experiment.table import plot, tabulate

pytestmark = pytest.mark.slow

ROW = {"kind": "sft", "rejected": None, "text": None, "steps": None, "labels": None, "gold": None}


class FakeRelease:
    id, content_hash = "toy@1", "0"

    def __init__(self, problems):
        self.problems = problems

    def table(self):
        return pa.Table.from_pylist([
            {**ROW, "sample_id": f"{method}{n}", "method": method, "words": 20 + n % 3, "task": p.task,
             "messages": [{"role": "user", "content": p.prompt}], "response": p.solution}
            for method, count in (("cot", 80), ("tutorship", 30)) for n, p in enumerate(self.problems[:count])
        ])  # fmt: skip


@pytest.fixture
def arms(base, tmp_path):
    problems = Arithmetic([1]).draw(100, seed=3)
    config = ExperimentConfig.model_validate({
        "release": "toy", "tokens": 1500, "common": "method = 'cot'", "common_rows": 10, "common_tokens": 600, "seeds": [0, 1],
        "arms": {"cot": {"where": "method = 'cot'"}, "text": {"where": "method = 'cot'", "shape": "text"},
                 "tutorship": {"where": "method = 'tutorship'"}},
        "train": {"batch_tokens": 512, "max_length": 128, "device": "cpu"},
        "evaluate": {"samples": 2, "max_tokens": 8, "device": "cpu"},
    })  # fmt: skip

    def ask(problem):
        return [{"role": "user", "content": problem.prompt}]

    return Experiment(config, FakeRelease(problems), problems[90:], lambda seed: base, tmp_path, ask, lambda text: None)


def test_every_arm_has_the_same_tokens_and_no_common_row(arms):
    common, groups = arms.rows()
    assert len(common) == 10
    taken = {row["sample_id"] for row in common}
    words_by_arm = {name: sum(row["words"] for row in rows) for name, rows in groups.items()}
    assert max(words_by_arm.values()) - min(words_by_arm.values()) < 25, "up to a row"
    assert all(row["sample_id"] not in taken for rows in groups.values() for row in rows)


def test_a_second_run_makes_nothing_again(arms, monkeypatch):
    table = arms.run()
    assert [line["arm"] for line in table["arms"]] == ["cot", "text", "tutorship"] and table["items"] == 10
    assert all(line["tokens"] == pytest.approx(1500, rel=0.1) for line in table["arms"])
    plot(table, arms.folder / "plot.svg")
    assert "<svg" in (arms.folder / "plot.svg").read_text()
    monkeypatch.setattr(experiment, "sft", None)
    monkeypatch.setattr(experiment, "cpt", None)
    monkeypatch.setattr(experiment, "evaluate", None)
    assert arms.run() == table
    gone = next(arms.folder.glob("text-1-*.json"))
    gone.unlink()
    with pytest.raises(TypeError):
        arms.run()


def test_arms_may_differ_in_how_they_are_trained(arms, monkeypatch):
    """Each arm is trained by its own settings in the place of everybody's, from what its seed became on the first rows."""
    given = []

    def trained(parent, rows, out, config, *, seed):
        given.append((parent.name, out.name.partition("-")[0], rows.num_rows, config))
        out.mkdir()
        (out / "training.json").write_text('{"tokens": 9}')

    monkeypatch.setattr(experiment, "sft", trained)
    config = ExperimentConfig.model_validate({
        "release": "toy", "tokens": 1500, "seeds": [0], "before": "method = 'tutorship'", "before_tokens": 700,
        "arms": {"plain": {"where": "method = 'cot'"},
                 "minor": {"where": "method = 'cot'", "train": {"loss": "minor_sft", "learning_rate": 0.5}}},
        "train": {"batch_tokens": 512, "max_length": 128, "device": "cpu", "learning_rate": 0.25},
    })  # fmt: skip
    told = Experiment(config, *[getattr(arms, f) for f in ("release", "problems", "base", "folder", "messages", "say")])
    monkeypatch.setattr(Experiment, "_judged", lambda self, out: None)
    monkeypatch.setattr(experiment, "tabulate", lambda results, tasks: {})
    monkeypatch.setattr(experiment, "evaluate", lambda *args, **kw: type("E", (), {"rows": pa.table({"a": [1]})}))
    told.run()
    (_, first, many, shared), plain, minor = given
    assert first == "before" and many == 30 and shared.budget_tokens == 700
    assert plain[0] == minor[0] and plain[0].startswith("before-0-") and plain[2] == minor[2] == 80
    assert [c[3].loss.name for c in (plain, minor)] == ["cross_entropy", "minor_sft"]
    assert [c[3].learning_rate for c in (plain, minor)] == [0.25, 0.5]
    assert {c[3].budget_tokens for c in (plain, minor)} == {1500} and minor[3].max_length == 128


@pytest.mark.parametrize(
    ("train", "sentence"),
    [
        ({"loss": "no_such"}, r"arms\.b\.train\.loss"),
        ({"tokens": 5}, r"arms\.b\.train\.tokens"),
        ({"epochs": 2}, r"arms\.b\.train\.epochs: every arm has the same `tokens`"),
    ],
)
def test_a_setting_that_an_arm_cannot_have_is_named(train, sentence):
    arms = {"a": {"where": "true"}, "b": {"where": "true", "train": train}}
    with pytest.raises((ValueError, RecipeError), match=sentence):
        ExperimentConfig.model_validate({"release": "toy", "tokens": 9, "arms": arms})


def result(arm, seed, right):
    answers = {f"p{n}": float(value) for n, value in enumerate(right)}
    return {"arm": arm, "seed": seed, "rows": 5, "tokens": 9, "answers": {"greedy": answers, "sampled": {}}}


def test_each_task_has_its_own_figures():
    results = [result("a", 0, [1, 0, 0, 0]), result("b", 0, [0, 0, 1, 1])]
    tasks = {"p0": "sums", "p1": "sums", "p2": "puzzles", "p3": "puzzles"}
    first, second = tabulate(results, tasks)["arms"]
    assert {task: of["greedy"][0] for task, of in first["tasks"].items()} == {"puzzles": 0.0, "sums": 0.5}
    assert {task: of["greedy_minus_a"][0] for task, of in second["tasks"].items()} == {"puzzles": 1.0, "sums": -0.5}
    assert "tasks" not in tabulate(results, dict.fromkeys(tasks, "sums"))["arms"][0], "one task says nothing more"


def test_the_table_by_hand():
    table = tabulate([result("a", 0, [1, 0]), result("b", 0, [1, 1]), result("a", 1, [0, 0]), result("b", 1, [1, 0])])
    first, second = table["arms"]
    assert first["greedy"][0] == 0.25 and second["greedy"][0] == 0.75 and second["greedy_by_seed"] == [1.0, 0.5]
    assert first["greedy_minus_a"] == [0.0, 0.0, 0.0] and second["greedy_minus_a"][0] == 0.5


def test_a_condition_that_selects_nothing_is_named(arms):
    config = arms.config.model_copy(update={"common": "method = 'none'"})
    with pytest.raises(RecipeError, match=r"experiment.common: .* selects no row of toy@1"):
        Experiment(
            config, *[getattr(arms, f) for f in ("release", "problems", "base", "folder", "messages", "say")]
        ).rows()
