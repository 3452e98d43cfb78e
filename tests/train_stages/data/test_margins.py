"""What notes give to pairs: margins, 0 for pairs that have none, and other prompts."""

import json

import pyarrow as pa
import pytest
from transformers import AutoTokenizer

from tests.train_stages import every
from train_stages.config import PreferenceConfig
from train_stages.data.pairs import preference_pairs
from train_stages.stages.preference import encode_pairs, preference


def row(number, margin):
    notes = {} if margin is None else {"margin": margin}
    return {
        "sample_id": str(number), "problem_id": "p", "method": "critical_plan_steps", "kind": "preference",
        "messages": [{"role": "user", "content": "2 + 3?"}], "response": "#### 5", "rejected": f"#### {number + 6}",
        "notes": json.dumps(notes), "attrs": "{}", "task": "arithmetic", "source": "a", "prompt": "2 + 3?", "gold": "5",
        "structure": "", "tier": 1, "solution": None, "license": "", "problem_attrs": "{}", "gold_source": "data",
    }  # fmt: skip


def ask(problem):
    return [{"role": "user", "content": problem.prompt}]


def test_a_pair_without_a_margin_has_0_where_others_have_one():
    assert [pair.get("margin") for pair in preference_pairs([row(0, 0.5), row(1, None)], ask)] == [0.5, 0.0]
    assert all("margin" not in pair for pair in preference_pairs([row(0, None)], ask))


def test_the_other_prompt_of_a_pair_comes_with_it():
    turns = [{"role": "user", "content": "2 + 3, in short?"}]
    other = {**row(0, None), "notes": json.dumps({"other_prompt": turns})}
    assert [pair.get("other_prompt") for pair in preference_pairs([other, row(1, None)], ask)] == [turns, None]


@pytest.mark.slow
def test_a_margin_reaches_the_loss_of_the_trainer(base, tmp_path):
    """At the parent's weights both gains are 0, so the loss of a pair is log(1 + e^margin)."""
    pairs = pa.Table.from_pylist(preference_pairs([row(0, 1.5), row(1, None)], ask))
    config = PreferenceConfig(loss="step_apo", batch_tokens=100_000, **every.LEVEL)
    encoded, _, _ = encode_pairs(AutoTokenizer.from_pretrained(base), pairs, config)
    assert [pair["margin"] for pair in encoded] == [1.5, 0.0]
    result = preference(base, pairs, tmp_path / "out", config)
    assert result.history[0]["loss"] == pytest.approx((1.7014133 + 0.6931472) / 2, rel=1e-4)
