"""`nightschool evaluate`, and the registry's commands on what it finds."""

import copy
import json

import pytest

from flows.night import exam
from flows.night.evaluation import evaluate_checkpoint
from flows.night.night import open_night
from flows.recipe.recipe import make_recipe
from flows.report.progress import Progress
from storage.errors import ModelServerError, RecipeError
from storage.lake.lake import Lake
from storage.workspace import Workspace
from synth.engines.base import Answer
from synth.problems.arithmetic import Arithmetic
from tests.flows.conftest import SMALL
from tests.synth.engines.test_verifier import save
from train_stages.models.tiny import TinyConfig, create_base


def test_a_checkpoint_is_evaluated_once_and_compared(cli):
    problems = Arithmetic([1]).draw(50, seed=1)
    texts = [f"{problem.prompt}\n{problem.solution}" for problem in problems]
    config = TinyConfig(width=32, layers=1, heads=1, ffn=32, context=128, vocabulary=400)
    folders = [create_base(cli.folder / name, texts, seed=seed, config=config) for seed, name in enumerate("ab")]
    benchmark = cli.folder / "test.jsonl"
    benchmark.write_text(
        "".join(json.dumps({"question": f"Add {n} and 2.", "answer": f"{n}+2=<<{n}+2={n + 2}>>{n + 2}\n#### {n + 2}"}) + "\n"
                for n in range(5))
    )  # fmt: skip
    content = copy.deepcopy(SMALL)
    named = {"name": "words", "kind": "gsm8k", "options": {"path": str(benchmark)}}
    content["train"] = {"evaluate": {"samples": 4, "max_tokens": 8, "benchmarks": [named]}}
    recipe = cli.recipe(content)
    first = [json.loads(cli("evaluate", folder, "--recipe", recipe, "--json", "-q")) for folder in folders]
    assert [(row["set"], row["items"]) for row in first[0]] == [("validation", 10), ("words", 5)]
    assert (
        "pass@4" in first[0][0]["pass"] and first[0][0]["vote"].startswith("maj@4") and first[0][0]["verifier"] is None
    )
    assert {row["shots"] for row in first[0]} == {0} and first[0][0]["prompt"].startswith("solve@")
    with Lake(Workspace.open(cli.workspace), read_only=True) as lake:
        seen = lake.rows("select checkpoint_id, count(*) as n from evaluations group by all order by all")
        commits = lake.last_seq()
        assert lake.rows("select count(*) as n from problems where split = 'benchmark'")[0]["n"] == 5
    assert [row["n"] for row in seen] == [75, 75], "ten validation and five benchmark items, greedy and four samples"
    logs = cli.folder / "logs"
    assert json.loads(cli("evaluate", folders[0], "--recipe", recipe, "--json", "-q", "--inspect", logs)) == first[0]
    assert [
        len(json.loads(log.read_text())["samples"]) for log in sorted(logs.iterdir(), key=lambda log: log.name[25:])
    ] == [10, 40, 5, 20]
    with Lake(Workspace.open(cli.workspace), read_only=True) as lake:
        assert lake.last_seq() == commits
    assert "split 'test': choose validation or heldout" in cli(
        "evaluate", folders[0], "--recipe", recipe, "--split", "test", "-q", code=1
    )
    assert "no checkpoint 'nothing'" in cli("evaluate", "nothing", "--recipe", recipe, "-q", code=1)


class Failing:
    """A server that dies after some answers."""

    concurrency, reads_problem = 4, False

    def __init__(self, model, dies_after):
        self.model, self.left, self.asked = model, dies_after, 0

    async def answer(self, request):
        if self.left == 0:
            raise ModelServerError("the server is gone")
        self.left -= 1
        self.asked += 1
        return Answer("#### 5", "stop", 3, 2)

    async def close(self):
        pass


def test_an_evaluation_through_vllm_that_failed_asks_only_what_is_missing(tmp_path, monkeypatch):
    problems = Arithmetic([1]).draw(50, seed=1)
    config = TinyConfig(width=32, layers=1, heads=1, ffn=32, context=128, vocabulary=400)
    folder = create_base(tmp_path / "a", (problem.prompt for problem in problems), config=config)
    content = {**copy.deepcopy(SMALL), "train": {"evaluate": {"samples": 2, "max_tokens": 8, "engine": "vllm"}}}
    head = save(tmp_path / "head", context=1024)
    content["models"] = {**content["models"], "verifier": {"engine": "verifier", "checkpoint": str(head)}}
    recipe, workspace = make_recipe(content, folder=tmp_path), Workspace.create(tmp_path / "w")

    def evaluated(dies_after):
        engines = []

        def open_engine(spec, checkpoint, folder):
            engines.append(Failing(checkpoint.id, dies_after))
            return engines[-1]

        monkeypatch.setattr(exam, "open_engine", open_engine)
        with open_night(recipe, "2026-01-01", workspace, Progress(quiet=True), "evaluation") as night:
            rows = evaluate_checkpoint(night, str(folder), "validation")
            calls = night.lake.rows("select count(*) as n from calls where night = '2026-01-01/small/evaluation'")
        return rows, engines, calls[0]["n"]

    with pytest.raises(ModelServerError):
        evaluated(17)
    rows, engines, calls = evaluated(-1)
    assert rows[0]["items"] == 10 and engines[0].asked == 30 - 17 and calls == 30, "greedy and two samples of ten"
    assert rows[0]["verifier"].startswith("best@2 ") and rows[0]["vote"].startswith("maj@2 ")
    assert evaluated(0)[1] == [], "what is in the lake needs no server"


def test_problems_of_other_kinds_are_one_exam_and_no_row_may_hold_them(tmp_path):
    general = [
        {"name": "puzzles", "kind": "knights_knaves", "options": {"people": [2]}, "limit": 12},
        {"name": "harder-sums", "kind": "arithmetic", "options": {"tiers": [2]}, "limit": 8},
    ]
    content = {**copy.deepcopy(SMALL), "train": {"plan": [{"sft": {}}], "evaluate": {"general": general}}}
    recipe, workspace = make_recipe(content, folder=tmp_path), Workspace.create(tmp_path / "w")
    with open_night(recipe, "2026-01-01", workspace, Progress(quiet=True), "evaluation") as night:
        assert recipe.train is not None
        held = exam.make_exam(night, recipe.train)
        entries = {part.name: part.problems for part in night.benchmarks.benchmarks}
    asked = held.others["general ability"]
    assert [problem.task for problem in asked] == ["knights_knaves"] * 12 + ["arithmetic"] * 8
    assert {problem.task for problem in held.items} == {"arithmetic"}, "they are not what is promoted by"
    assert [p.id for name in ("puzzles", "harder-sums") for p in entries[name]] == [p.id for p in asked]
    with pytest.raises(RecipeError, match="puzzles stands twice"):
        content["train"]["evaluate"]["benchmarks"] = general[:1]
        make_recipe(content, folder=tmp_path)
