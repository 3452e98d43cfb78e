"""Likra: its score by hand, a planted difference that it finds, labels by lot that it does not, and a killed stage."""

import json
import math
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from storage.errors import RecipeError, TrainingError
from storage.models.adapters import export
from storage.models.checkpoints import checkpoint_digest
from synth.engines.base import Request, Sampling
from synth.engines.likelihood_ratio import RatioHead, answer_tokens, log_likelihoods, probability
from synth.engines.verifier import Verifier, load_head
from synth.problems.base import Problem
from train_stages.config import LikraConfig, read_config
from train_stages.plan.steps import read_plan
from train_stages.stages import likra as module
from train_stages.stages.likra import likra
from train_stages.verifying.rows import is_heldout

OPTIONS = {"batch_tokens": 400, "max_length": 128, "device": "cpu", "learning_rate": 0.01, "heldout": 0.3}
ANY = Problem("", "t", "", "", "")


def chat(number, answer):
    return [{"role": "user", "content": f"{number} + 1?"}, {"role": "assistant", "content": answer}]


def rows(count=40, by_lot=False):
    """A right and a wrong answer to each problem, in one template each; or labels that say nothing."""
    rng, listed = random.Random(3), []
    for number in range(count):
        labels = [1.0, 0.0]
        if by_lot:
            rng.shuffle(labels)
        for text, label in zip((f"{number} and {number + 1}", f"{number} minus {number}"), labels, strict=True):
            row = {"id": f"{number}/{len(listed)}/{label}", "problem_id": f"p{number}", "label": label}
            listed.append({**row, "messages": chat(number, text)})
    return pa.Table.from_pylist(listed)


@pytest.fixture(scope="module")
def trained(base, tmp_path_factory):
    return likra(base, rows(), tmp_path_factory.mktemp("likra") / "out", LikraConfig(epochs=3, **OPTIONS))


def weights(folder):
    return AutoModelForCausalLM.from_pretrained(folder).state_dict()


def by_hand(folder, messages):
    """Sum of the log-probabilities of the answer's tokens, one forward pass without padding."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder).eval()
    whole = tokenizer.apply_chat_template(messages, return_dict=True)["input_ids"]
    asked = tokenizer.apply_chat_template(messages[:-1], add_generation_prompt=True, return_dict=True)["input_ids"]
    assert whole[: len(asked)] == asked
    with torch.no_grad():
        logps = model(input_ids=torch.tensor([whole])).logits[0].log_softmax(-1)
    return sum(float(logps[place - 1, whole[place]]) for place in range(len(asked), len(whole)))


@pytest.mark.slow
async def test_the_score_is_the_ratio_of_both_likelihoods(trained):
    chats = [chat(3, "3 and 4"), chat(17, "17 minus 17 is a longer answer"), chat(8, "8")]
    expected = [by_hand(trained.path, c) - by_hand(trained.path / "wrong", c) for c in chats]
    head = load_head(trained.path)
    assert isinstance(head, RatioHead)
    assert head.ratios([answer_tokens(head.tokenizer, c) for c in chats]) == pytest.approx(expected, abs=1e-4)
    answer = await Verifier(trained.path, "v").answer(
        Request(tuple(chats[0]), Sampling(), 0, "score", ANY, scores=True)
    )
    made = json.loads(answer.text)
    assert made["ratio"] == pytest.approx(expected[0], abs=1e-4)
    assert made["score"] == pytest.approx(1 / (1 + math.exp(-expected[0])), abs=1e-5)
    long, short = head.score([chat(1, "9 " * 200), chats[2]])
    assert long.reason == "prompt_too_long" and json.loads(short.text)["ratio"] == pytest.approx(expected[2], abs=1e-4)


def test_two_equal_models_know_nothing(base):
    """The neutral limit: where both models are one, every score is 0 and every probability a half."""
    tokenizer, model = AutoTokenizer.from_pretrained(base), AutoModelForCausalLM.from_pretrained(base).eval()
    encoded = [answer_tokens(tokenizer, chat(number, "4 " * number)) for number in (1, 2, 5)]
    head = RatioHead.__new__(RatioHead)
    head.right = head.wrong = model
    assert head.ratios(encoded) == [0.0] * 3 and probability(0.0) == 0.5
    assert log_likelihoods(model, encoded) == pytest.approx(
        [log_likelihoods(model, [row])[0] for row in encoded], abs=1e-4
    )


@pytest.mark.slow
def test_a_planted_difference_is_found_and_labels_by_lot_are_not(base, trained, tmp_path):
    assert trained.metrics["auroc"] > 0.95 and trained.metrics["usable"] == 1
    lot = likra(base, rows(by_lot=True), tmp_path / "lot", LikraConfig(epochs=3, **OPTIONS)).metrics
    assert lot["auroc_low"] < 0.5 + 0.15 and lot["usable"] == 0
    bins = json.loads((trained.path / "calibration.json").read_text())["bins"]
    assert sum(part["answers"] for part in bins) == trained.metrics["answers_heldout"]


@pytest.mark.slow
def test_it_is_measured_on_problems_that_neither_model_has_seen(trained):
    learned = set(pq.read_table(trained.path / "learned.parquet")["id"].to_pylist())
    held = [row for row in rows().to_pylist() if row["id"] not in learned]
    assert held and all(is_heldout(row["problem_id"], OPTIONS["heldout"]) for row in held)
    assert len(held) == trained.metrics["answers_heldout"] and len(learned) == trained.metrics["answers"]
    config = json.loads((trained.path / "config.json").read_text())
    assert config["verifier_unit"] == "likelihood_ratio"
    assert config["wrong_answers"] == checkpoint_digest(trained.path / "wrong")
    assert not (trained.path / "trainer").exists()


@pytest.mark.slow
def test_wrong_answers_alone_leave_the_parent_as_it_is(base, trained, tmp_path):
    alone = likra(base, rows(), tmp_path / "alone", LikraConfig(epochs=3, right="parent", **OPTIONS))
    before, right = weights(base), weights(alone.path)
    assert all(torch.equal(before[name], right[name]) for name in before)
    both, wrong = weights(trained.path / "wrong"), weights(alone.path / "wrong")
    assert all(torch.equal(both[name], wrong[name]) for name in both), "the model of wrong answers is the same"
    ids = pq.read_table(alone.path / "learned.parquet")["id"].to_pylist()
    assert ids and all(row_id.endswith("/0.0") for row_id in ids) and alone.metrics["auroc"] > 0.8


@pytest.mark.slow
def test_a_killed_stage_keeps_the_model_that_it_had_finished(base, trained, tmp_path, monkeypatch):
    real, tuned = module.sft, []

    def breaking(parent, chats, out, *rest, **named):
        tuned.append(out.name)
        if len(tuned) == 2:
            raise KeyboardInterrupt
        return real(parent, chats, out, *rest, **named)

    monkeypatch.setattr(module, "sft", breaking)
    config = LikraConfig(epochs=3, **OPTIONS)
    with pytest.raises(KeyboardInterrupt):
        likra(base, rows(), tmp_path / "out", config)
    again = likra(base, rows(), tmp_path / "out", config)
    assert tuned == ["right", "wrong", "wrong"]
    assert checkpoint_digest(again.path) == checkpoint_digest(trained.path)
    export(again.path, tmp_path / "copy")
    assert checkpoint_digest(tmp_path / "copy" / "wrong") == checkpoint_digest(again.path / "wrong")


@pytest.mark.slow
def test_adapters_are_merged(base, tmp_path):
    made = likra(base, rows(), tmp_path / "out", LikraConfig(adapter={"r": 4}, **OPTIONS)).path
    assert not list(made.rglob("adapter_*")) and (made / "wrong" / "model.safetensors").is_file()
    before, right, wrong = (weights(folder) for folder in (base, made, made / "wrong"))
    assert set(before) == set(right) == set(wrong)
    assert any(not torch.equal(right[name], wrong[name]) for name in right)


def test_what_it_refuses(base, tmp_path):
    with pytest.raises(RecipeError, match="no such setting: both models learn by cross-entropy"):
        read_config(LikraConfig, {"loss": "dft"}, "train.plan.1.likra")
    with pytest.raises(RecipeError, match="likra makes no model that answers"):
        read_plan([{"likra": {}}])
    right = pa.Table.from_pylist([row for row in rows().to_pylist() if row["label"] == 1])
    with pytest.raises(TrainingError, match="not right and wrong ones: select rows with attempts"):
        likra(base, right, tmp_path / "out", LikraConfig(**OPTIONS))
