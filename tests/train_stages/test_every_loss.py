"""Every loss: by hand, gradient, neutral settings, packed rows, what the trainer makes of it, and a training that resumes."""

import math

import pyarrow as pa
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.train_stages import every
from train_stages.config import CptConfig, PreferenceConfig, RlConfig
from train_stages.data.batches import plan_padded
from train_stages.losses import LOSSES
from train_stages.losses.base import DistilLoss, PolicyLoss, PreferenceLoss, SupervisedLoss, VerifierLoss
from train_stages.losses.inputs import Answers, Pairs, Sampled
from train_stages.orders import ORDERS
from train_stages.orders.base import order_rows
from train_stages.rl.arguments import grpo_arguments
from train_stages.stages.preference import encode_pairs, preference, twins
from train_stages.stages.rl import rl

PARTS = LOSSES.all()
NAMES = sorted(PARTS)


def of(family):
    return [name for name in NAMES if issubclass(PARTS[name], family)]


@pytest.mark.parametrize("name", NAMES)
def test_it_is_described(name):
    every.check_described(LOSSES, name)


@pytest.mark.parametrize("name", NAMES)
def test_the_formula_is_what_was_worked_out_by_hand(name):
    every.check_formula(PARTS[name])


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_is_that_of_the_formula(name):
    every.check_gradient(PARTS[name])


@pytest.mark.parametrize("name", [name for name in NAMES if PARTS[name].neutral])
def test_at_neutral_settings_it_is_its_base(name):
    every.check_neutral(PARTS[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if not issubclass(PARTS[name], DistilLoss)])
def test_packed_rows_are_right_or_refused(base, rows, tmp_path, name):
    every.check_packing(PARTS[name], base, rows.slice(0, 12), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", of(SupervisedLoss))
def test_the_trainer_computes_a_supervised_loss(base, rows, tmp_path, name):
    every.check_supervised_trainer(PARTS[name], base, rows.slice(0, 7), tmp_path)


@pytest.fixture(scope="module")
def pairs(problems):
    return pa.Table.from_pylist(
        [
            {
                "prompt": [{"role": "user", "content": problem.prompt}],
                "chosen": [{"role": "assistant", "content": problem.solution}],
                "rejected": [{"role": "assistant", "content": other.solution + " #### 0"}],
                "other_prompt": [{"role": "user", "content": other.prompt}],
            }
            for problem, other in zip(problems[:6], problems[6:12], strict=True)
        ]
    )


def answer(model, tokenizer, prompt, reply):
    """Log-probability of a reply, summed over its tokens, the end token included; and how many they are."""
    asked = tokenizer.apply_chat_template(prompt, add_generation_prompt=True, return_dict=True)["input_ids"]
    ids = tokenizer.apply_chat_template(prompt + reply, return_dict=True)["input_ids"]
    logps, mask = every.log_probabilities(model, ids, [-100] * len(asked) + ids[len(asked) :])
    return float(logps.sum()), float(mask.sum())


def side(policy, reference, tokenizer, pairs, name):
    by_policy = [answer(policy, tokenizer, pair["prompt"], pair[name]) for pair in pairs]
    before = [answer(reference, tokenizer, pair["prompt"], pair[name])[0] for pair in pairs]
    return Answers(*(torch.tensor(values) for values in (*zip(*by_policy, strict=True), before)))


def unknown_to_trl(loss):
    """The same loss as that of a package that TRL does not know."""

    class Outside(loss):
        trl = None

    return Outside


@pytest.mark.slow
def test_a_preference_loss_that_trl_does_not_know_trains_to_the_same_weights(base, pairs, tmp_path):
    options = {"batch_tokens": 300, "micro_batch_tokens": 150, **every.LEVEL}
    losses = {"trl": PARTS["sigmoid"](), "formula": unknown_to_trl(PARTS["sigmoid"])()}
    paths = {
        name: preference(base, pairs, tmp_path / name, PreferenceConfig(loss=loss, **options)).path
        for name, loss in losses.items()
    }
    by_trl, by_formula, before = (every.weights(path) for path in (paths["trl"], paths["formula"], base))
    assert all(torch.allclose(by_trl[key], by_formula[key], rtol=0, atol=1e-6) for key in by_trl)
    assert any(not torch.allclose(by_trl[key], before[key], rtol=0, atol=1e-4) for key in by_trl)


def kto_drift(policy, reference, tokenizer, rows, lengths):
    """Mean gain of answers to the prompts of others, at least 0 (arXiv:2402.01306, section 4.1), in the second step."""
    order = order_rows(2 * len(rows), ORDERS.make("random"), difficulty=lengths, seed=0)
    batch = plan_padded(
        lengths, order, batch_tokens=sum(lengths), micro_tokens=sum(lengths), mixed=True, seed=0
    ).batches[1]
    halves = [(rows[pair]["prompt"], rows[pair][side]) for side in ("chosen", "rejected") for pair in batch]
    others = [(prompt, reply) for (prompt, _), (_, reply) in zip(halves, halves[-1:] + halves, strict=False)]
    gains = [answer(policy, tokenizer, *pair)[0] - answer(reference, tokenizer, *pair)[0] for pair in others]
    return torch.tensor(max(0.0, sum(gains) / len(gains)))


@pytest.mark.slow
@pytest.mark.parametrize("name", of(PreferenceLoss))
def test_the_trainer_computes_a_preference_loss(base, pairs, tmp_path, name):
    """Two steps on all pairs: the loss of the parent, and of what a step made of it."""
    tokenizer = AutoTokenizer.from_pretrained(base)
    loss = PARTS[name]()
    _, lengths, _ = encode_pairs(tokenizer, pairs, PreferenceConfig(loss=loss))
    config = PreferenceConfig(loss=loss, epochs=2, batch_tokens=sum(lengths), **every.LEVEL)
    two_steps = preference(base, pairs, tmp_path / "two", config)
    one_step = preference(base, pairs, tmp_path / "one", config.model_copy(update={"epochs": 1.0}))
    parent, after = (AutoModelForCausalLM.from_pretrained(path) for path in (base, one_step.path))
    losses = [entry["loss"] for entry in two_steps.history if "loss" in entry]
    rows = pairs.to_pylist()
    rows = [twin for row in rows for twin in twins(row)] if loss.crossed else rows

    def by_hand(policy, drift=None):
        chosen, rejected = (side(policy, parent, tokenizer, rows, name) for name in ("chosen", "rejected"))
        return float(loss(Pairs(chosen, rejected, drift)).mean())

    assert losses[0] == pytest.approx(by_hand(parent), rel=2e-3)
    drift = kto_drift(after, parent, tokenizer, rows, lengths) if name == "kto" else None
    assert losses[1] == pytest.approx(by_hand(after, drift), rel=2e-3) and losses[1] < losses[0]
    if name in ("sigmoid", "sigmoid_norm"):
        assert losses[0] == pytest.approx(math.log(2), rel=1e-4), "policy and reference agree at first"


OLD = [[0.0, 0.5, -0.5], [0.25, -0.3, 0.0]]  # log ratio to the sampling policy, token by token
REFERENCE = [[0.1, -0.4, 0.3], [-0.2, 0.6, 0.0]]  # log ratio to the reference
MASK, ADVANTAGES, LONGEST = [[1, 1, 1], [1, 1, 0]], [1.0, -1.0], 8


@pytest.mark.slow
@pytest.mark.parametrize("computed", ["by TRL", "by its formula"])
@pytest.mark.parametrize("beta", [0.0, 0.1])
@pytest.mark.parametrize("name", of(PolicyLoss))
def test_the_trainer_computes_a_policy_loss(base, tmp_path, name, beta, computed):
    from tests.train_stages.rl.test_advantage import trainer

    loss = (PARTS[name] if computed == "by TRL" else unknown_to_trl(PARTS[name]))(beta=beta)
    grpo, config = trainer(base, tmp_path, loss)
    ids = torch.tensor([[5, 6, 7], [8, 9, 10]])
    prompt = torch.tensor([[1, 2], [3, 4]])
    logits = grpo.model(input_ids=torch.cat([prompt, ids], 1)).logits[:, 1:-1] / config.temperature
    logs = torch.log_softmax(logits, -1).gather(2, ids[..., None])[..., 0]
    given = {
        "prompt_ids": prompt, "prompt_mask": torch.ones_like(prompt), "completion_ids": ids,
        "completion_mask": torch.tensor(MASK), "advantages": torch.tensor(ADVANTAGES),
        "old_per_token_logps": logs - torch.tensor(OLD), "num_items_in_batch": torch.tensor(5),
        "ref_per_token_logps": logs - torch.tensor(REFERENCE),
    }  # fmt: skip
    sampled = Sampled(
        logps=logs, old=logs - torch.tensor(OLD), advantages=torch.tensor(ADVANTAGES), mask=torch.tensor(MASK),
        longest=LONGEST, step_tokens=5, reference=logs - torch.tensor(REFERENCE),
    )  # fmt: skip
    assert grpo._compute_loss(grpo.model.train(), given).item() == pytest.approx(
        loss(sampled).item(), rel=1e-4, abs=2e-7
    )
    assert grpo_arguments(tmp_path, config, 0).beta == beta


class Easy:
    """A checker that even an untrained model pleases now and then."""

    def check(self, problem, response):
        from synth.answers.outcome import Check, Outcome

        return Check(Outcome.CORRECT if len(response) % 2 else Outcome.WRONG, answer=response)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["grpo", "dapo"])
def test_a_policy_loss_that_trl_does_not_know_trains_to_the_same_weights(base, problems, tmp_path, name, monkeypatch):
    """In several micro-batches: `grpo` is averaged over them, `dapo` over the tokens of the step."""
    monkeypatch.setattr("synth.problems.get_task", lambda task: Easy())
    group = {"steps": 2, "prompts_per_step": 4, "samples": 4, "max_tokens": 8, "micro_batch_tokens": 40}
    weights = {}
    for computed, loss in (("trl", PARTS[name]()), ("formula", unknown_to_trl(PARTS[name])())):
        config = RlConfig(loss=loss, resampling="none", **group, **every.LEVEL)
        weights[computed] = every.weights(rl(base, problems[:9], tmp_path / computed, config).path)
    assert all(
        torch.allclose(value, weights["formula"][key], rtol=0, atol=1e-6) for key, value in weights["trl"].items()
    )
    before = every.weights(base)
    assert any(not torch.allclose(value, weights["trl"][key], rtol=0, atol=1e-4) for key, value in before.items())


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if not issubclass(PARTS[name], VerifierLoss | DistilLoss)])
def test_a_training_that_breaks_off_goes_on_to_the_same_weights(
    base, rows, pairs, problems, tmp_path, name, monkeypatch
):
    common = {"learning_rate": 1e-3, "loss": name}
    if issubclass(PARTS[name], PolicyLoss):
        monkeypatch.setattr("synth.problems.get_task", lambda task: Easy())
        group = {"steps": 4, "prompts_per_step": 2, "samples": 4, "max_tokens": 8}
        every.check_resume("rl", base, problems[:9], tmp_path, **group, **common)
    elif issubclass(PARTS[name], PreferenceLoss):
        every.check_resume("preference", base, pairs, tmp_path, batch_tokens=100, epochs=2, **common)
    else:
        every.check_resume("sft", base, rows.slice(0, 40), tmp_path, batch_tokens=256, **common)


def test_a_loss_of_another_stage_is_refused_with_those_that_work():
    from storage.errors import RecipeError

    with pytest.raises(RecipeError, match=r"^sft\.loss: ipo is a loss of other stages; here are .*cross_entropy"):
        every.read("sft", loss="ipo")
    with pytest.raises(RecipeError, match=r"^cpt\.loss: unknown loss 'cross_entrpy'; did you mean 'cross_entropy'"):
        every.read("cpt", loss="cross_entrpy")
    assert RlConfig(loss={"kind": "dapo"}).resampled == "dynamic" and CptConfig().loss.name == "cross_entropy"
