"""Rollouts with turns in a real training: TRL plays a dialogue with a tool, rewards read its end, loss leaves the tool out."""

from contextlib import contextmanager

import pytest
import torch
from transformers import AutoTokenizer

from storage.errors import RecipeError, TrainingError
from train_stages.config import RlConfig
from train_stages.models.tiny import ASSISTANT, END, SYSTEM, USER, TinyConfig, create_base
from train_stages.stages import rl as stage
from train_stages.stages.rl import rl

TEMPLATE = (
    "{% if tools %}" + SYSTEM + "{{ tools | tojson }}" + END + "{% endif %}{% for m in messages %}"
    "{% if m.role == 'assistant' %}" + ASSISTANT + "{{ m.content }}{% for c in m.tool_calls or [] %}"
    '<tool_call>{"name": "{{ c.function.name }}", "arguments": {{ c.function.arguments | tojson }}}</tool_call>{% endfor %}'
    "{% elif m.role == 'tool' %}" + USER + "result: {{ m.content }}{% else %}" + USER + "{{ m.content }}{% endif %}" + END +
    "{% endfor %}{% if add_generation_prompt %}" + ASSISTANT + "{% endif %}"
)  # fmt: skip
CALL = '<tool_call>{"name": "calculator", "arguments": {"expression": "20 + 31"}}</tool_call>'
FAST = {"steps": 2, "prompts_per_step": 2, "samples": 4, "max_tokens": 200, "max_length": 900, "learning_rate": 1e-2,
        "device": "cpu", "log_every": 1, "environment": "calculator"}  # fmt: skip


@pytest.fixture(scope="module")
def knowing(problems, tmp_path_factory):
    """A checkpoint whose template knows tools, with room for dialogues."""
    config = TinyConfig(width=32, layers=1, heads=1, ffn=64, context=1024, vocabulary=400)
    folder = create_base(tmp_path_factory.mktemp("knowing") / "base", [problems[0].prompt], config=config)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    return folder


class Writer:
    """A model that calls the calculator and then answers: rightly by the first two of a group, wrongly by the others."""

    def __init__(self, tokenizer, problems):
        self.tokenizer, self.problems, self.asked = tokenizer, problems, []

    def update(self, save, *, first):
        pass

    def generate(self, prompts, samples):
        written = []
        for prompt in prompts:
            shown = self.tokenizer.decode(prompt)
            self.asked.append(shown)
            [problem] = [problem for problem in self.problems if problem.prompt in shown]
            for n in range(samples):
                text = CALL if "result: " not in shown else f"#### {problem.gold}"
                text = f"#### {-n}" if n > 1 else text  # at the first turn only: later each dialogue asks by itself
                ids = [*self.tokenizer(text, add_special_tokens=False)["input_ids"], self.tokenizer.eos_token_id]
                written.append((ids, [-1.0] * len(ids)))
        return written


@pytest.fixture
def writer(knowing, problems, monkeypatch):
    one = Writer(AutoTokenizer.from_pretrained(knowing), problems[:20])

    @contextmanager
    def served(*_):
        yield one

    monkeypatch.setattr(stage, "rollout_server", served)
    return one


def test_tool_output_is_left_out_of_the_loss_and_the_last_reply_is_rewarded(
    knowing, problems, writer, tmp_path, monkeypatch
):
    from trl import GRPOTrainer

    looked = []
    inputs_of = GRPOTrainer._generate_and_score_completions
    monkeypatch.setattr(
        GRPOTrainer,
        "_generate_and_score_completions",
        lambda self, inputs: looked.append(inputs_of(self, inputs)) or looked[-1],
    )
    config = RlConfig(**FAST, rewards=["answer", {"kind": "environment", "weight": 0.5}])
    result = rl(knowing, problems[:20], tmp_path / "out", config)
    assert len(looked) == 2
    for batch in looked:
        for ids, mask, tool in zip(batch["completion_ids"], batch["completion_mask"], batch["tool_mask"], strict=True):
            text = writer.tokenizer.decode(ids[mask.bool()])
            told = writer.tokenizer.decode(ids[mask.bool() & (tool == 0)])
            learned = writer.tokenizer.decode(ids[mask.bool() & (tool == 1)])
            if CALL in text:
                assert told == f"{USER}result: 51{END}{ASSISTANT}" and "result" not in learned
                assert learned.startswith(CALL + END + "####")
            else:
                assert told == "" and learned == text
        assert sum(CALL in writer.tokenizer.decode(ids) for ids in batch["completion_ids"]) == 4
    history = [entry for entry in result.history if "reward" in entry]
    assert [entry["rewards/answer/mean"] for entry in history] == [0.5, 0.5]
    assert [entry["rewards/environment/mean"] for entry in history] == [0.5, 0.5]
    assert all("Calculates the exact value" in shown for shown in writer.asked)


def test_the_loss_by_formula_sees_only_what_the_model_wrote(knowing, problems, writer, tmp_path, monkeypatch):
    from train_stages.rl.grpo import FormulaLoss

    masks, sampled = [], FormulaLoss._sampled

    def looking(self, model, inputs, parts):
        made = sampled(self, model, inputs, parts)
        masks.append((made.mask, inputs["completion_mask"] * inputs["tool_mask"]))
        return made

    monkeypatch.setattr(FormulaLoss, "_sampled", looking)
    config = RlConfig(**{**FAST, "steps": 1}, loss="dr_grpo", rewards="answer")
    monkeypatch.setattr(type(config.loss), "trl", None)
    rl(knowing, problems[:20], tmp_path / "out", config)
    assert masks and all(torch.equal(ours, theirs) and (ours.sum() < theirs.numel()) for ours, theirs in masks)


def test_what_cannot_be_played_is_refused_before_it_begins(base, knowing, problems, tmp_path):
    with pytest.raises(ValueError, match="leave accelerate out"):
        RlConfig(**FAST, accelerate="ddp")
    with pytest.raises(RecipeError, match="did you mean 'calculator'"):
        rl(knowing, problems[:4], tmp_path / "out", RlConfig(**{**FAST, "environment": "calculater"}))
    with pytest.raises(TrainingError, match="reward environment is what an environment gives"):
        rl(knowing, problems[:4], tmp_path / "out", RlConfig(**{**FAST, "environment": None}, rewards="environment"))
