"""What a refilled step is divided by: the tokens that carry loss, not what an environment said."""

from collections import defaultdict
from types import SimpleNamespace

import torch

from train_stages.rl.refill import refilled


def batch(advantages, learned):
    rows = len(advantages)
    return {
        "prompt_ids": torch.ones(rows, 2, dtype=torch.long), "prompt_mask": torch.ones(rows, 2, dtype=torch.long),
        "completion_ids": torch.ones(rows, 3, dtype=torch.long), "completion_mask": torch.ones(rows, 3, dtype=torch.long),
        "tool_mask": torch.tensor([learned] * rows), "advantages": torch.tensor(advantages),
    }  # fmt: skip


def test_a_replaced_group_brings_its_own_mask():
    trainer = SimpleNamespace(
        num_generations=2,
        train_dataset=[{"number": number} for number in range(5)],
        state=SimpleNamespace(global_step=0),
        accelerator=SimpleNamespace(gather=lambda value: value, num_processes=1, process_index=0, device="cpu"),
        _metrics={"train": defaultdict(list)},
        _tokenizer=SimpleNamespace(pad_token_id=0),
        sample=lambda rows: batch([1.0, -1.0, 1.0, -1.0], [1, 0, 0]),
    )
    first = batch([0.0, 0.0, 0.5, -0.5], [1, 1, 0])
    merged = refilled(trainer, first, [{"number": 0}] * 4, rounds=1, seed=0)
    assert merged["advantages"].tolist() == [1.0, -1.0, 0.5, -0.5]
    assert merged["tool_mask"].tolist() == [[1, 0, 0]] * 2 + [[1, 1, 0]] * 2
    assert merged["num_items_in_batch"] == 2 * 1 + 2 * 2
