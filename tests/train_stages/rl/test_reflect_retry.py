"""Reflect, Retry, Reward: a group shares its first answer, and the reflection alone learns from what the retry earns."""

from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch
from transformers import AutoTokenizer

from storage.errors import TrainingError
from train_stages.config import RlConfig
from train_stages.models.tiny import TinyConfig, create_base
from train_stages.rl.grpo import FormulaLoss
from train_stages.stages import rl as stage
from train_stages.stages.rl import rl

pytestmark = pytest.mark.slow

LONGEST = 600
"""The tiny tokenizer reads what it has never seen letter by letter."""
FAST = {"steps": 1, "prompts_per_step": 2, "samples": 4, "max_tokens": LONGEST, "max_length": 1000, "learning_rate": 1e-2,
        "device": "cpu", "log_every": 1, "environment": "reflect_retry", "rewards": "environment"}  # fmt: skip


class Writer:
    """Solves the first problem at once. Of the others, it fails, reflects in four ways, and only the even ways help."""

    def __init__(self, tokenizer, problems):
        self.tokenizer, self.problems, self.asked, self.ways = tokenizer, problems, 0, 0

    def update(self, save, *, first):
        pass

    def generate(self, prompts, samples):
        written = []
        for prompt in prompts:
            shown = self.tokenizer.decode(prompt)
            [problem] = [problem for problem in self.problems if problem.prompt in shown]
            for _ in range(samples):
                ids = self.tokenizer(self.reply(shown, problem), add_special_tokens=False)["input_ids"]
                written.append(([*ids, self.tokenizer.eos_token_id], [-1.0] * (len(ids) + 1)))
        return written

    def reply(self, shown, problem):
        if "answer the problem again" in shown:
            return f"#### {problem.gold if 'way even' in shown else -2}"
        if "what went wrong" in shown:
            self.ways += 1
            return "way odd" if self.ways % 2 else "way even"
        self.asked += 1
        return f"#### {problem.gold if problem is self.problems[0] else -1}"


@pytest.fixture(scope="module")
def checkpoint(problems, tmp_path_factory):
    config = TinyConfig(width=32, layers=1, heads=1, ffn=64, context=1024, vocabulary=400)
    return create_base(tmp_path_factory.mktemp("reflect") / "base", [problems[0].prompt], config=config)


@pytest.fixture
def writer(checkpoint, problems, monkeypatch):
    one = Writer(AutoTokenizer.from_pretrained(checkpoint), problems[:2])

    @contextmanager
    def served(*_):
        yield one

    monkeypatch.setattr(stage, "rollout_server", served)
    return one


@pytest.fixture
def seen(monkeypatch):
    """What the formula of the loss is given."""
    noted, sampled = [], FormulaLoss._sampled

    def looking(self, model, inputs, parts):
        noted.append((inputs, sampled(self, model, inputs, parts)))
        return noted[-1][1]

    monkeypatch.setattr(FormulaLoss, "_sampled", looking)
    return noted


def test_the_reflection_alone_learns_from_the_retry(checkpoint, problems, writer, seen, tmp_path, monkeypatch):
    config = RlConfig(**FAST, loss="dr_grpo")
    monkeypatch.setattr(type(config.loss), "trl", None)
    result = rl(checkpoint, problems[:2], tmp_path / "out", config)
    [(inputs, made)] = seen
    assert writer.asked == 2 and writer.ways == 4, "one first answer for each problem, one reflection for each response"
    helped = []
    for ids, whole, mask, advantage in zip(
        inputs["completion_ids"], inputs["completion_mask"], made.mask, made.advantages, strict=True
    ):
        learned = writer.tokenizer.decode(ids[mask.bool()], skip_special_tokens=True)
        if "what went wrong" not in writer.tokenizer.decode(ids[whole.bool()]):
            assert learned == "" and advantage == 0, "solved at once: nothing is learned"
            continue
        assert learned in ("way even", "way odd")
        helped.append((learned, float(advantage)))
    assert sorted(helped) == [("way even", 0.5)] * 2 + [("way odd", -0.5)] * 2
    logps = made.logps.detach().requires_grad_()
    config.loss(replace(made, logps=logps, old=logps.detach(), correction=None)).backward()
    expected = -made.advantages[:, None] * made.mask / (8 * LONGEST)  # eight responses, by the longest length
    assert torch.allclose(logps.grad, expected, atol=1e-9) and logps.grad.abs().sum() > 0
    [entry] = [entry for entry in result.history if "reward" in entry]
    assert entry["reward"] == 0.5, "of those that were asked twice half succeed; the others earn nothing"
    assert entry["behaviour/replies"] == 2 and entry["behaviour/one_reply"] == 0.5
    assert 0 < entry["behaviour/credited"] < 1


def test_credit_to_every_reply_is_plain_grpo(checkpoint, problems, writer, seen, tmp_path, monkeypatch):
    config = RlConfig(**FAST, loss="dr_grpo", credit=[0, 1, 2])
    monkeypatch.setattr(type(config.loss), "trl", None)
    rl(checkpoint, problems[:2], tmp_path / "out", config)
    [(inputs, made)] = seen
    texts = [
        writer.tokenizer.decode(ids[mask.bool()]) for ids, mask in zip(inputs["completion_ids"], made.mask, strict=True)
    ]
    assert all(text.startswith("#### ") for text in texts) and sum(text.count("way") for text in texts) == 4
    assert not any("went wrong" in text or "again" in text for text in texts), "never what the environment said"


def test_credit_without_a_dialogue_is_refused(checkpoint, problems, tmp_path):
    config = RlConfig(**{**FAST, "environment": None, "rewards": "answer"}, credit=[1])
    with pytest.raises(TrainingError, match="credit says which replies of a dialogue"):
        rl(checkpoint, problems[:2], tmp_path / "out", config)
