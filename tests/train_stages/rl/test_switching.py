"""Steps of RL on worked solutions: the loss is SFT's, no such step is plain RL, and a training that breaks off goes on the same."""

from dataclasses import replace
from itertools import pairwise

import pyarrow.parquet as pq
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from storage.errors import TrainingError
from tests.train_stages import every
from train_stages.config import RlConfig
from train_stages.data.encode import encode_conversations
from train_stages.process.stage import load
from train_stages.rl import switching
from train_stages.stages.rl import bare_prompt, rl

pytestmark = pytest.mark.slow

FAST = {"steps": 4, "prompts_per_step": 3, "samples": 4, "max_tokens": 60, "learning_rate": 1e-2, "device": "cpu",
        "log_every": 1, "difficulty": "all"}  # fmt: skip


def weights(path):
    return torch.cat([value.flatten() for value in AutoModelForCausalLM.from_pretrained(path).state_dict().values()])


def test_no_supervised_step_is_plain_rl(base, problems, tmp_path):
    short = {**FAST, "steps": 2, "max_tokens": 6}
    plain = rl(base, problems[:6], tmp_path / "plain", RlConfig(**short))
    none = rl(base, problems[:6], tmp_path / "none", RlConfig(**short, switch={"kind": "share", "supervised": 0}))
    assert torch.equal(weights(plain.path), weights(none.path)), "to the bit"


@pytest.mark.parametrize("micro", [None, 130])
def test_a_supervised_step_is_sft(base, problems, tmp_path, micro):
    """The first loss is the mean negative log-likelihood of the solutions' tokens, however the step is cut."""
    config = RlConfig(**{**FAST, "steps": 1}, switch={"kind": "share", "supervised": 1}, micro_batch_tokens=micro)
    result = rl(base, problems[:3], tmp_path / "out", config)
    tokenizer = AutoTokenizer.from_pretrained(base)
    model, _ = load(base, config)
    chats = [[*bare_prompt(p), {"role": "assistant", "content": p.solution}] for p in problems[:3]]
    total = count = 0.0
    for row in encode_conversations(tokenizer, chats, 128).table.to_pylist():
        labels = torch.tensor([row["labels"]])
        logits = model(input_ids=torch.tensor([row["input_ids"]])).logits[0, :-1]
        total += torch.nn.functional.cross_entropy(logits, labels[0, 1:], ignore_index=-100, reduction="sum").item()
        count += int((labels >= 0).sum())
    [entry] = [entry for entry in result.history if "behaviour/supervised_steps" in entry]
    assert entry["loss"] == pytest.approx(total / count, rel=1e-4)
    assert "reward" not in entry and entry["behaviour/supervised_steps"] == 1 and entry["switch/supervised_norm"] > 0
    visited = pq.read_table(result.path / "rollouts.parquet").to_pylist()
    assert {row["problem_id"] for row in visited} == {p.id for p in problems[:3]} and not any(
        row["tries"] for row in visited
    )


def test_both_ways_are_taken_by_the_norms_and_a_kill_changes_nothing(base, problems, tmp_path):
    options = {**FAST, "steps": 6, "max_tokens": 6, "switch": "sasr"}
    result = every.check_resume("rl", base, problems[:6], tmp_path, **options)
    steps = [entry for entry in result.history if "switch/chance" in entry]
    assert [entry["behaviour/supervised_steps"] for entry in steps[:2]] == [1, 0], "each way is tried once"
    for before, after in pairwise(steps[1:]):
        g_sft, g_rl = before["switch/supervised_norm"], before["switch/reinforced_norm"]
        assert after["switch/chance"] == pytest.approx(min(0.95, max(0.05, g_sft / (g_sft + g_rl))), abs=1e-5)


def test_a_problem_without_a_solution_is_refused(base, problems, tmp_path, monkeypatch):
    monkeypatch.setattr(switching, "worked_solution", lambda problem: None)
    with pytest.raises(TrainingError, match=r"learns from worked solutions, and problem .* has none"):
        rl(base, [replace(problems[0])], tmp_path / "out", RlConfig(**FAST, switch="sasr"))
