"""Advantages and losses of GRPO and its variants, against the papers' formulas computed by hand."""

import pytest
import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOTrainer

from train_stages.config import RlConfig
from train_stages.rl import _arguments

REWARDS = [1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0]
OLD = [[0.0, 0.5, -0.5], [0.25, -0.3, 0.0]]  # log ratio to the sampling policy, token by token
MASK, ADVANTAGES, MOST = [[1, 1, 1], [1, 1, 0]], [1.0, -1.0], 8


def trainer(base, folder, variant):
    config = RlConfig(variant=variant, steps=1, prompts_per_step=2, samples=4, max_tokens=MOST, device="cpu")
    tokenizer = AutoTokenizer.from_pretrained(base, padding_side="left")
    made = GRPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(base),
        args=_arguments(folder, config, 0),
        reward_funcs=[lambda completions, **_: REWARDS[: len(completions)]],
        train_dataset=Dataset.from_list([{"prompt": [{"role": "user", "content": f"Ann has {n}."}]} for n in (5, 6)]),
        processing_class=tokenizer,
    )
    made.current_gradient_accumulation_steps = 1
    return made, config


@pytest.mark.parametrize("variant", ["grpo", "dr_grpo", "dapo"])
def test_advantages_and_loss_are_the_papers(base, tmp_path, variant):
    made, config = trainer(base, tmp_path, variant)
    rows = [row for row in made.train_dataset for _ in range(4)]
    advantages = made._generate_and_score_completions(rows)["advantages"].tolist()
    groups = torch.tensor(REWARDS).view(2, 4)
    centred = groups - groups.mean(1, keepdim=True)
    expected = centred if variant == "dr_grpo" else centred / (groups.std(1, keepdim=True) + 1e-4)
    assert advantages == pytest.approx(expected.flatten().tolist(), abs=1e-5)

    ids = torch.tensor([[300, 301, 302], [303, 304, 305]])
    prompt = torch.tensor([[306, 307], [308, 309]])
    with torch.no_grad():
        logits = made.model(input_ids=torch.cat([prompt, ids], 1)).logits[:, 1:-1] / config.temperature
    logs = torch.log_softmax(logits, -1).gather(2, ids[..., None])[..., 0]
    inputs = {
        "prompt_ids": prompt, "prompt_mask": torch.ones_like(prompt), "completion_ids": ids,
        "completion_mask": torch.tensor(MASK), "advantages": torch.tensor(ADVANTAGES),
        "old_per_token_logps": logs - torch.tensor(OLD), "num_items_in_batch": torch.tensor(5),
    }  # fmt: skip
    high = {"dapo": 1.28}.get(variant, 1.2)
    ratio = torch.tensor(OLD).exp()
    gain = torch.tensor(ADVANTAGES)[:, None]
    told = -torch.min(ratio * gain, ratio.clamp(0.8, high) * gain) * torch.tensor(MASK)
    by_hand = {
        "grpo": (told.sum(1) / torch.tensor([3, 2])).mean(),
        "dr_grpo": told.sum() / (2 * MOST),
        "dapo": told.sum() / 5,
    }[variant]
    assert float(made._compute_loss(made.model.train(), inputs)) == pytest.approx(float(by_hand), rel=1e-4)


def test_a_variant_sets_only_what_is_not_given():
    assert RlConfig(variant="dapo").mask_truncated and RlConfig(variant="dapo").epsilon_high == 0.28
    assert RlConfig(variant="dapo", epsilon_high=0.3).epsilon_high == 0.3
    assert RlConfig().loss_type == "dr_grpo" and RlConfig().epsilon_high is None
