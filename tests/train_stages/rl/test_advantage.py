"""GRPO's advantage, against the paper's formula by hand, and against TRL's own; and responses that cannot be decided."""

import pytest
import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOTrainer

from synth.answers.outcome import Check, Outcome
from train_stages.config import RlConfig
from train_stages.losses import LOSSES
from train_stages.rewards.base import Reward
from train_stages.rewards.scoring import Rewards, make_rewards
from train_stages.rl.advantage import advantages, total
from train_stages.rl.arguments import grpo_arguments
from train_stages.rl.draws import Draws, Rollouts
from train_stages.rl.grpo import Policy, grpo_trainer

EARNED = [1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0]
LONGEST = 8


def trainer(base, folder, loss, earned=EARNED):
    """Our trainer of two problems with four responses each, which earn what is told."""
    config = RlConfig(loss=loss, steps=1, prompts_per_step=2, samples=4, max_tokens=LONGEST, device="cpu")
    rewards = Rewards(
        ("answer",), (_named(lambda completions, **_: list(earned[: len(completions)])),), (1.0,),
        lambda completions, numbers: list(earned[: len(completions)]),
    )  # fmt: skip
    rows = [{"prompt": [{"role": "user", "content": f"Ann has {n}."}], "number": n} for n in (0, 1)]
    built = grpo_trainer(
        Policy(Draws(2, steps=1, prompts=2, group=4, repeats=1, seed=0, history=None), Rollouts(), rewards, config),
        model=AutoModelForCausalLM.from_pretrained(base),
        args=grpo_arguments(folder, config, 0),
        train_dataset=Dataset.from_list(rows),
        processing_class=AutoTokenizer.from_pretrained(base, padding_side="left"),
    )
    built.current_gradient_accumulation_steps = 1
    return built, config


def _named(function):
    function.__name__ = "answer"
    return function


@pytest.mark.parametrize("undecided", [False, True])
@pytest.mark.parametrize("scale", ["group", "batch", "none"])
def test_our_advantage_is_trls(base, tmp_path, scale, undecided, monkeypatch):
    earned = [None, *EARNED[1:]] if undecided else EARNED
    grpo, _ = trainer(base, tmp_path, LOSSES.make("grpo", scale_rewards=scale), earned)
    monkeypatch.setattr("train_stages.rl.grpo.advantages", lambda rewards, *_: rewards * 0 - 7)
    trls = []
    original = GRPOTrainer._generate_and_score_completions

    def noting(self, inputs):
        batch = original(self, inputs)
        trls.extend(batch["advantages"].tolist())
        return batch

    monkeypatch.setattr(GRPOTrainer, "_generate_and_score_completions", noting)
    rows = [row for row in grpo.train_dataset for _ in range(4)]
    assert grpo.sample(rows)["advantages"][1] == -7, "ours is what the loss is given"
    rewards = torch.tensor([float("nan") if value is None else value for value in earned])
    assert advantages(rewards, 4, scale).tolist() == pytest.approx(trls, rel=1e-6)


@pytest.mark.parametrize("scale", ["group", "batch", "none"])
def test_advantages_are_the_papers(scale):
    groups = torch.tensor(EARNED).view(2, 4)
    centred = groups - groups.mean(1, keepdim=True)
    scales = {"group": groups.std(1, keepdim=True) + 1e-4, "batch": groups.std() + 1e-4, "none": 1.0}
    expected = (centred / scales[scale]).flatten().tolist()
    assert advantages(torch.tensor(EARNED), 4, scale).tolist() == pytest.approx(expected, rel=1e-5)


def test_a_response_without_a_reward_is_in_no_mean():
    rewards = torch.tensor([float("nan"), 1.0, 0.0, 1.0])
    assert advantages(rewards, 4, "none").tolist() == pytest.approx([0, 1 / 3, -2 / 3, 1 / 3])
    alone = torch.tensor([1.0, float("nan"), float("nan"), float("nan")])
    assert advantages(alone, 4, "group").tolist() == [0, 0, 0, 0]
    earned = torch.tensor([[1.0, 0.5], [float("nan"), 1.0], [float("nan"), float("nan")]])
    added = total(earned, torch.tensor([1.0, 0.1]))
    assert added[:2].tolist() == pytest.approx([1.05, 0.1]) and added[2].isnan()


class Doubtful:
    """A checker that reads an answer of `maybe` and cannot decide it; no answer is wrong, as the judge has it."""

    def check(self, problem, response):
        outcomes = {"yes": Outcome.CORRECT, "maybe": Outcome.UNVERIFIABLE}
        return Check(outcomes.get(response, Outcome.WRONG), response or None)


class Brief(Reward):
    """An outsider: short responses earn one."""

    name = "brief"

    def __call__(self, response):
        return float(len(response.text) < 5)


def test_what_cannot_be_decided_earns_nothing_from_any_reward(problems, monkeypatch):
    """Correct 1, wrong 0, no answer at all 0; an answer that was read and cannot be decided leaves its group, and is no try."""
    import synth.problems

    monkeypatch.setattr(synth.problems, "get_task", lambda name: Doubtful())
    config = RlConfig(rewards=["answer", Brief()])
    rewards = make_rewards(problems[:1], config.rewards)
    completions = [[{"role": "assistant", "content": text}] for text in ("yes", "no", "maybe", "")]
    answer, brief = (function(completions=completions, number=[0] * 4) for function in rewards.functions)
    assert answer == [1.0, 0.0, None, 0.0] and brief == [1.0, 1.0, None, 1.0]
    correct = rewards.correct(completions, [0] * 4)
    assert correct == [1.0, 0.0, None, 0.0]
    rollouts = Rollouts()
    rollouts.add(0, [0] * 4, correct, 4)
    assert rollouts.last(1) == {0: (3, 1)}
