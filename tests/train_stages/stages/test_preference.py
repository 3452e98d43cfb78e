"""Preference training against losses computed by hand, and pairs made from a student's mistakes."""

import json
import math

import pyarrow as pa
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from storage.errors import TrainingError
from synth.sample import problem_row
from train_stages.config import PreferenceConfig
from train_stages.data.pairs import preference_pairs
from train_stages.stages import preference as module
from train_stages.stages.preference import encode_pairs, preference

FAST = {"device": "cpu", "log_every": 1, "max_length": 128, "max_grad_norm": 0, "warmup": 0, "decay": 0}


@pytest.fixture(scope="module")
def pairs(problems):
    rows = []
    for problem, other in zip(problems[:6], problems[6:12], strict=True):
        rows.append(
            {
                "prompt": [{"role": "user", "content": problem.prompt}],
                "chosen": [{"role": "assistant", "content": problem.solution}],
                "rejected": [{"role": "assistant", "content": other.solution + " #### 0"}],
            }
        )
    return pa.Table.from_pylist(rows)


def log_probability(model, tokenizer, pair, side):
    """Summed and counted over the completion's tokens, the end token included; and of each token."""
    prompt = tokenizer.apply_chat_template(pair["prompt"], add_generation_prompt=True, return_dict=True)["input_ids"]
    ids = tokenizer.apply_chat_template(pair["prompt"] + pair[side], return_dict=True)["input_ids"]
    with torch.no_grad():
        logs = torch.log_softmax(model(input_ids=torch.tensor([ids])).logits[0], -1)
    told = [float(logs[at - 1, ids[at]]) for at in range(len(prompt), len(ids))]
    return sum(told), len(told)


def by_hand(loss_type, beta, policy, reference, tokenizer, pairs):
    """The mean loss over pairs, from the papers' formulas."""
    losses = []
    for pair in pairs.to_pylist():
        chosen, n_chosen = log_probability(policy, tokenizer, pair, "chosen")
        rejected, n_rejected = log_probability(policy, tokenizer, pair, "rejected")
        if loss_type == "orpo":  # arXiv:2403.07691, equations 4, 6 and 7; likelihoods normalised by length
            odds = [
                math.log(math.exp(mean) / (1 - math.exp(mean))) for mean in (chosen / n_chosen, rejected / n_rejected)
            ]
            losses.append(-chosen / n_chosen - beta * math.log(1 / (1 + math.exp(odds[1] - odds[0]))))
            continue
        better = chosen - log_probability(reference, tokenizer, pair, "chosen")[0]
        worse = rejected - log_probability(reference, tokenizer, pair, "rejected")[0]
        if loss_type == "sigmoid_norm":
            better, worse = better / n_chosen, worse / n_rejected
        if loss_type == "ipo":  # by length, as its authors told TRL's
            better, worse = better / n_chosen, worse / n_rejected
        losses.append(LOSSES[loss_type](better, worse, beta))
    return sum(losses) / len(losses)


def log_sigmoid(x):
    return -math.log1p(math.exp(-x))


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


NOISE = 0.1
LOSSES = {
    "sigmoid_norm": lambda c, r, b: -log_sigmoid(b * (c - r)),  # arXiv:2411.15124
    "sigmoid": lambda c, r, b: -log_sigmoid(b * (c - r)),  # arXiv:2305.18290
    "robust": lambda c, r, b: (
        -((1 - NOISE) * log_sigmoid(b * (c - r)) - NOISE * log_sigmoid(-b * (c - r))) / (1 - 2 * NOISE)
    ),  # arXiv:2403.00409
    "hinge": lambda c, r, b: max(0.0, 1 - b * (c - r)),  # arXiv:2305.10425
    "ipo": lambda c, r, b: (c - r - 1 / (2 * b)) ** 2,  # arXiv:2310.12036
    "nca_pair": lambda c, r, b: (
        -log_sigmoid(b * c) - 0.5 * log_sigmoid(-b * c) - 0.5 * log_sigmoid(-b * r)
    ),  # arXiv:2402.05369
    "apo_zero": lambda c, r, b: 1 - sigmoid(b * c) + sigmoid(b * r),  # arXiv:2408.06266
}


@pytest.mark.parametrize(
    ("loss_type", "beta"),
    [("sigmoid_norm", 5.0), ("sigmoid", 0.5), ("robust", 0.5), ("hinge", 0.5), ("ipo", 0.5), ("nca_pair", 0.5),
     ("apo_zero", 0.5), ("orpo", 0.3)],
)  # fmt: skip
def test_the_loss_is_the_papers(base, pairs, tmp_path, loss_type, beta):
    """Two steps on all pairs: the first loss belongs to the parent, the second to what one step made of it."""
    _, lengths, _ = encode_pairs(AutoTokenizer.from_pretrained(base), pairs, PreferenceConfig())
    a_pass = {"epochs": 2, "batch_tokens": sum(lengths)}
    smoothed = {"label_smoothing": NOISE} if loss_type == "robust" else {}
    config = PreferenceConfig(loss_type=loss_type, beta=beta, learning_rate=1e-3, **smoothed, **a_pass, **FAST)
    two = preference(base, pairs, tmp_path / "two", config)
    one = preference(base, pairs, tmp_path / "one", config.model_copy(update={"epochs": 1.0}))
    tokenizer = AutoTokenizer.from_pretrained(base)
    parent, after = (AutoModelForCausalLM.from_pretrained(path) for path in (base, one.path))
    losses = [entry["loss"] for entry in two.history if "loss" in entry]
    assert losses[0] == pytest.approx(by_hand(loss_type, beta, parent, parent, tokenizer, pairs), rel=2e-3)
    # `one` decayed to a learning rate of 0 nowhere (decay 0), so both took the same first step.
    expected = by_hand(loss_type, beta, after, parent, tokenizer, pairs)
    assert losses[1] == pytest.approx(expected, rel=2e-3) and losses[1] < losses[0]
    if loss_type in ("sigmoid", "sigmoid_norm"):
        assert losses[0] == pytest.approx(math.log(2), rel=1e-4), "policy and reference agree at first"


def test_ktos_loss_is_the_papers(base, pairs, tmp_path, monkeypatch):
    """arXiv:2402.01306: 1 - sigmoid(beta (r - z)) for a chosen answer, 1 - sigmoid(beta (z - r)) for a rejected one."""
    plans, made = [], module._kto

    def noting(shared, told, plan, *more):
        plans.append(plan)
        return made(shared, told, plan, *more)

    monkeypatch.setattr(module, "_kto", noting)
    tokenizer, beta = AutoTokenizer.from_pretrained(base), 0.5
    _, lengths, _ = encode_pairs(tokenizer, pairs, PreferenceConfig())
    config = PreferenceConfig(
        loss_type="kto", beta=beta, learning_rate=1e-3, epochs=2, batch_tokens=sum(lengths), **FAST
    )
    two = preference(base, pairs, tmp_path / "two", config)
    one = preference(base, pairs, tmp_path / "one", config.model_copy(update={"epochs": 1.0}))
    losses = [entry["loss"] for entry in two.history if "loss" in entry]
    assert losses[0] == pytest.approx(0.5, abs=1e-3), "policy and reference agree at first"

    rows = pairs.to_pylist()
    halves = [(rows[pair], side) for side in ("chosen", "rejected") for pair in plans[0].batches[1]]
    policy, reference = (AutoModelForCausalLM.from_pretrained(path) for path in (one.path, base))

    def apart(pair, side):
        return log_probability(policy, tokenizer, pair, side)[0] - log_probability(reference, tokenizer, pair, side)[0]

    others = [
        (asked, answered[side]) for (asked, _), (answered, side) in zip(halves, halves[-1:] + halves, strict=False)
    ]
    drift = max(0.0, sum(apart({**asked, "other": other}, "other") for asked, other in others) / len(others))
    told = [1 - sigmoid(beta * (apart(pair, side) - drift) * (1 if side == "chosen" else -1)) for pair, side in halves]
    assert losses[1] == pytest.approx(sum(told) / len(told), rel=2e-3) and losses[1] < losses[0]


def test_pairs_that_cannot_be_used_are_counted_or_named(base, pairs):
    tokenizer = AutoTokenizer.from_pretrained(base)
    kept, lengths, too_long = encode_pairs(tokenizer, pairs, PreferenceConfig(max_length=128))
    assert len(kept) == len(lengths) == 6 and too_long == 0
    with pytest.raises(TrainingError, match="6 are longer than max_length = 8"):
        encode_pairs(tokenizer, pairs, PreferenceConfig(max_length=8))
    with pytest.raises(TrainingError, match="lack rejected"):
        encode_pairs(tokenizer, pairs.drop_columns(["rejected"]), PreferenceConfig())


def test_a_students_mistakes_become_pairs(problems):
    def row(problem, number, **more):
        found = problem_row(problem, split="train", night="n")
        return {
            **found, "problem_attrs": found["attrs"], "sample_id": f"s{number}", "method": "cot", "kind": "sft",
            "messages": [{"role": "user", "content": problem.prompt}], "response": problem.solution, "rejected": None,
            "attrs": "{}", **more,
        }  # fmt: skip

    def attempt(text):
        return {"method": "tutorship", "response": "a lesson", "attrs": json.dumps({"student_attempt": text})}

    one, two, three = problems[:3]
    rows = [
        row(one, 1),
        row(one, 2, **attempt("#### -7")),
        row(one, 3, **attempt(one.solution)),  # right: no pair
        row(one, 4, **attempt("no answer at all")),
        row(two, 5, **attempt("#### -7")),  # nobody answers this problem rightly
        row(three, 6, kind="preference", response="better", rejected="worse", method="constitutional"),
    ]
    made = preference_pairs(rows, lambda problem: [{"role": "user", "content": "ask: " + problem.prompt}])
    wrong = [pair for pair in made if pair["origin"] == "tutorship"]
    assert [pair["id"] for pair in made if pair["origin"] == "constitutional"] == ["s6"]
    assert {pair["id"] for pair in wrong} <= {"s2", "s4"} and "s2" in {pair["id"] for pair in wrong}
    assert wrong[0]["prompt"][0]["content"] == "ask: " + one.prompt
    assert wrong[0]["chosen"][0]["content"] == one.solution and wrong[0]["rejected"][0]["content"] == "#### -7"
