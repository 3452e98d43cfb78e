"""Training a verifier: what it is given, what it learns of injected errors, what is measured and kept, and what is refused."""

import json
import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from storage.errors import RecipeError, TrainingError
from synth.answers.outcome import Outcome
from synth.engines.base import Request, Sampling
from synth.engines.verifier import Verifier
from synth.problems import get_task
from synth.problems.arithmetic import Arithmetic
from synth.problems.base import Problem
from tests.train_stages import every
from train_stages.config import VerifierConfig
from train_stages.losses.inputs import Scores
from train_stages.plan.steps import read_plan
from train_stages.process.job import Job
from train_stages.stages.verifier import VERIFIER, load_scoring, verifier
from train_stages.verifying.encoding import encode_judged
from train_stages.verifying.injected import injected_rows
from train_stages.verifying.rows import is_heldout
from train_stages.verifying.trainer import measure

OPTIONS = {"batch_tokens": 1500, "max_length": 128, "device": "cpu", "learning_rate": 0.01, "heldout": 0.2}
ANY = Problem("", "t", "", "", "")
UNITS = {"answer": "outcome_bce", "step": "step_bce", "pair": "bradley_terry", "comparison": "pairwise_bce"}


def rows_of(unit, count, seed=0):
    return injected_rows(Arithmetic([1]).draw(count, seed=seed), unit)


def table(unit, count=120):
    return pa.Table.from_pylist(rows_of(unit, count))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"loss": "sigmoid"},
            r"verifier\.loss: sigmoid is a loss of other stages; here are bradley_terry, outcome_bce",
        ),
        ({"accelerate": "ddp"}, "a verifier is trained in one process: leave accelerate out"),
        ({"adapter": {"quantise": "nf4"}}, "merged at the end, which quantised weights cannot: leave quantise out"),
        ({"packing": True}, r"verifier\.packing: there is no such setting: answers are not packed"),
    ],
)
def test_what_it_refuses(options, sentence):
    with pytest.raises(RecipeError, match=sentence):
        every.read("verifier", **options)


def test_a_plan_goes_on_from_what_answers():
    steps = read_plan([{"sft": {}}, {"verifier": {}}, {"rl": {}}])
    assert [(step.name, step.start) for step in steps] == [("sft", None), ("verifier", "sft"), ("rl", "sft")]
    with pytest.raises(RecipeError, match="verifier makes no model that answers: add a stage that does, such as sft"):
        read_plan([{"verifier": {}}])


def test_scores_stand_at_the_ends_of_steps(base):
    tokenizer = AutoTokenizer.from_pretrained(base)
    rows = rows_of("step", 4)
    judged, left_out = encode_judged(tokenizer, rows, "step", 128)
    assert left_out == 0
    for encoded, row in zip(judged, rows, strict=True):
        assert len(encoded.places) == len(encoded.labels) == len(row["steps"])
        for end, step in zip(encoded.places, row["steps"], strict=True):
            assert tokenizer.decode(encoded.ids[: end + 1]).rstrip().endswith(step)
    assert encode_judged(tokenizer, rows, "step", 20) == ([], 8)


@pytest.fixture(scope="module", params=UNITS)
def trained(base, request, tmp_path_factory):
    """A verifier of two steps, each on all rows in several micro-batches, and what one step makes."""
    folder, rows = tmp_path_factory.mktemp(request.param), table(request.param, 40)
    learned = [row for row in rows.to_pylist() if not is_heldout(row["problem_id"], OPTIONS["heldout"])]
    judged, _ = encode_judged(AutoTokenizer.from_pretrained(base), learned, request.param, 128)
    tokens = sum(encoded.tokens for encoded in judged)
    options = {
        **OPTIONS,
        **every.LEVEL,
        "batch_tokens": tokens,
        "micro_batch_tokens": 700,
        "loss": UNITS[request.param],
    }
    settings = [VerifierConfig(epochs=epochs, **options) for epochs in (1, 2)]
    results = [verifier(base, rows, folder / str(config.epochs), config) for config in settings]
    return request.param, *results


@pytest.mark.slow
def test_the_trainer_computes_the_loss_of_its_formula(base, trained):
    unit, first, second = trained
    losses = [entry["loss"] for entry in second.history if "loss" in entry]
    assert losses[0] == pytest.approx(0.6931472, abs=1e-5), "a head of zeros"
    loss = VerifierConfig(loss=UNITS[unit]).loss
    model, tokenizer = loaded(first.path)
    learned = set(pq.read_table(first.path / "learned.parquet")["id"].to_pylist())
    rows = [row for row in table(unit, 40).to_pylist() if row["id"] in learned]
    judged, _ = encode_judged(tokenizer, rows, unit, 128)
    measured = measure(model, judged, 0, 1000)
    firsts = torch.tensor([score for scores, _ in measured for score in scores])
    others = torch.tensor([score for _, scores in measured for score in scores])
    labels = torch.tensor([label for encoded in judged for label in encoded.labels])
    by_hand = loss(Scores(firsts, labels, others if len(others) else None)).mean().item()
    assert losses[1] == pytest.approx(by_hand, rel=1e-4) and losses[1] != losses[0]


@pytest.mark.slow
def test_it_is_measured_on_problems_that_it_has_not_learned_from(trained):
    unit, _, result = trained
    metrics = json.loads((result.path / "training.json").read_text())["metrics"]
    config = json.loads((result.path / "config.json").read_text())
    assert config["verifier_unit"] == unit and config["architectures"] == ["LlamaForSequenceClassification"]
    assert metrics["auroc_low"] <= metrics["auroc"] <= metrics["auroc_high"]
    assert metrics["usable"] == float(metrics["auroc_low"] > 0.6)
    bins = json.loads((result.path / "calibration.json").read_text())["bins"]
    assert sum(part["answers"] for part in bins) >= metrics["answers_heldout"]
    learned = set(pq.read_table(result.path / "learned.parquet")["id"].to_pylist())
    rows = table(unit, 40).to_pylist()
    seen = {row["problem_id"] for row in rows if row["id"] in learned}
    assert 0 < len(learned) < len(rows) and not seen & {row["problem_id"] for row in rows if row["id"] not in learned}


@pytest.mark.slow
async def test_who_asks_it_has_the_scores_of_training(trained):
    """The engine reads an answer as the trainer did."""
    unit, _, result = trained
    if unit in ("pair", "comparison"):
        pytest.skip("read as an answer, or asked about two")
    rows = rows_of(unit, 3)
    model, tokenizer = loaded(result.path)
    engine = Verifier(result.path, "v")
    judged, _ = encode_judged(tokenizer, rows, unit, 128)
    for row, (logits, _) in zip(rows, measure(model, judged, 0, 1000), strict=True):
        expected = [1 / (1 + math.exp(-logit)) for logit in logits]
        request = Request(tuple(row["messages"]), Sampling(max_tokens=0), 0, "verify", ANY, scores=True)
        answer = json.loads((await engine.answer(request)).text)
        steps = answer.get("steps", [answer["score"]])
        assert steps[: len(expected)] == pytest.approx(expected, abs=1e-4)
        assert answer["score"] == pytest.approx(math.prod(steps), abs=1e-6)


def loaded(path):
    unit = json.loads((path / "config.json").read_text())["verifier_unit"]
    model, tokenizer = load_scoring(path, VerifierConfig(loss=UNITS[unit], device="cpu"))
    return model, tokenizer


@pytest.mark.slow
def test_the_weights_beneath_are_carried_from_stage_to_stage(base, tmp_path):
    """Math-Minos: an SFT before it, whose weights the verifier begins with; and a verifier learns on with its head."""
    config = VerifierConfig(loss="outcome_bce", **OPTIONS)
    model, _ = load_scoring(base, config)
    beneath = AutoModel.from_pretrained(base).state_dict()
    assert all(torch.equal(value, model.model.state_dict()[name]) for name, value in beneath.items())
    assert not model.score.weight.any()
    first = verifier(base, table("answer", 40), tmp_path / "first", config)
    again, _ = load_scoring(first.path, config)
    assert torch.equal(again.score.weight, every.weights(first.path)["score.weight"]) and again.score.weight.any()
    with pytest.raises(TrainingError, match="first scores each answer, and loss step_bce each step"):
        load_scoring(first.path, VerifierConfig(loss="step_bce", device="cpu"))


@pytest.mark.slow
def test_an_adapter_is_merged_at_the_end(base, tmp_path):
    result = verifier(base, table("answer", 40), tmp_path / "out", VerifierConfig(adapter={"r": 4}, **OPTIONS))
    names = {path.name for path in result.path.iterdir()}
    assert "model.safetensors" in names and "adapter_model.safetensors" not in names and "base.json" not in names
    before, after = every.weights(base), every.weights(result.path)
    assert any(not torch.equal(value, after[name]) for name, value in before.items() if "proj" in name)
    assert after["score.weight"].any()


@pytest.mark.slow
def test_labels_give_in_and_go_on_after_it_broke_off(base, tmp_path):
    smoothed = {"loss": {"kind": "smoothed_bradley_terry", "rate": 0.3}, "batch_tokens": 1200, "heldout": 0.2}
    whole = every.check_resume("verifier", base, table("pair", 30), tmp_path, epochs=3, learning_rate=0.01, **smoothed)
    plain = {name: VerifierConfig(epochs=3, loss=loss, log_every=1, **{**OPTIONS, "batch_tokens": 1200})
             for name, loss in (("plain", "bradley_terry"), ("zero", {"kind": "smoothed_bradley_terry", "rate": 0}))}  # fmt: skip
    results = {name: verifier(base, table("pair", 30), tmp_path / name, config) for name, config in plain.items()}
    plain_weights, zero_weights = (every.weights(results[name].path) for name in ("plain", "zero"))
    assert all(torch.equal(value, zero_weights[name]) for name, value in plain_weights.items()), (
        "a rate of 0 is Bradley-Terry"
    )
    assert not torch.equal(plain_weights["score.weight"], every.weights(whole.path)["score.weight"])


@pytest.mark.slow
def test_a_check_says_what_there_is_and_refuses_what_has_nothing_to_tell_apart(base, tmp_path):
    def check(rows):
        pq.write_table(rows, tmp_path / "rows.parquet")
        return VERIFIER.check(Job(parent=base, rows=tmp_path / "rows.parquet", out=tmp_path / "o", options=OPTIONS))

    figures = check(table("answer"))
    assert figures["share_right"] == 0.5 and figures["heldout"] % 2 == 0 and figures["rows"] == 240
    right = [row for row in table("answer").to_pylist() if row["label"]]
    with pytest.raises(TrainingError, match=r"rows to learn from there are no wrong ones .* select rows with attempts"):
        check(pa.Table.from_pylist(right))


def test_errors_are_injected_where_they_are_said_to_be():
    problems = Arithmetic([1]).draw(20, seed=5)
    for row in injected_rows(problems, "step"):
        for number, step in enumerate(row["steps"]):
            left, _, result = step.rpartition(" = ")
            first, sign, second = left.split()
            true = int(first) + int(second) * (1 if sign == "+" else -1) == int(result)
            assert true == bool(row["labels"][number]), step
    for problem, row in zip([p for p in problems for _ in range(2)], injected_rows(problems, "answer"), strict=True):
        assert get_task("arithmetic").check(problem, row["messages"][-1]["content"]).outcome == (
            Outcome.CORRECT if row["label"] else Outcome.WRONG
        )
