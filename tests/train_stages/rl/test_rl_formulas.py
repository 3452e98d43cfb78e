"""Advantages and losses of GRPO and its variants, against the papers' formulas computed by hand."""

import pytest
import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOTrainer

from train_stages.config import VARIANTS, RlConfig
from train_stages.stages.rl import _arguments

REWARDS = [1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0]
OLD = [[0.0, 0.5, -0.5], [0.25, -0.3, 0.0]]  # log ratio to the sampling policy, token by token
REFERENCE = [[0.1, -0.4, 0.3], [-0.2, 0.6, 0.0]]  # log ratio to the reference
MASK, ADVANTAGES, MOST = [[1, 1, 1], [1, 1, 0]], [1.0, -1.0], 8


def trainer(base, folder, loss_type, **more):
    named = {"variant": loss_type} if loss_type in VARIANTS else {"loss_type": loss_type}
    config = RlConfig(**named, steps=1, prompts_per_step=2, samples=4, max_tokens=MOST, device="cpu", **more)
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


@pytest.mark.parametrize("scale", ["group", "batch", "none"])
def test_advantages_are_the_papers(base, tmp_path, scale):
    made, _ = trainer(base, tmp_path, "grpo", scale_rewards=scale)
    rows = [row for row in made.train_dataset for _ in range(4)]
    advantages = made._generate_and_score_completions(rows)["advantages"].tolist()
    groups = torch.tensor(REWARDS).view(2, 4)
    centred = groups - groups.mean(1, keepdim=True)
    scales = {"group": groups.std(1, keepdim=True) + 1e-4, "batch": groups.std() + 1e-4, "none": 1.0}
    assert advantages == pytest.approx((centred / scales[scale]).flatten().tolist(), abs=1e-5)


@pytest.mark.parametrize("beta", [0.0, 0.3])
@pytest.mark.parametrize("variant", ["grpo", "dr_grpo", "dapo", "bnpo", "cispo"])
def test_the_loss_is_the_papers(base, tmp_path, variant, beta):
    made, config = trainer(base, tmp_path, variant, beta=beta)
    ids = torch.tensor([[300, 301, 302], [303, 304, 305]])
    prompt = torch.tensor([[306, 307], [308, 309]])
    with torch.no_grad():
        logits = made.model(input_ids=torch.cat([prompt, ids], 1)).logits[:, 1:-1] / config.temperature
    logs = torch.log_softmax(logits, -1).gather(2, ids[..., None])[..., 0]
    inputs = {
        "prompt_ids": prompt, "prompt_mask": torch.ones_like(prompt), "completion_ids": ids,
        "completion_mask": torch.tensor(MASK), "advantages": torch.tensor(ADVANTAGES),
        "old_per_token_logps": logs - torch.tensor(OLD), "num_items_in_batch": torch.tensor(5),
        "ref_per_token_logps": logs - torch.tensor(REFERENCE),
    }  # fmt: skip
    high = {"dapo": 1.28}.get(variant, 1.2)
    ratio = torch.tensor(OLD).exp()
    gain = torch.tensor(ADVANTAGES)[:, None]
    told = -torch.min(ratio * gain, ratio.clamp(0.8, high) * gain)
    if variant == "cispo":  # arXiv:2506.13585: the clipped ratio is a weight, every token keeps its gradient
        told = -ratio.clamp(max=high) * gain * logs
    apart = torch.tensor(REFERENCE)
    divergence = ((-apart).exp() + apart - 1) * ratio  # k3, corrected for the sampling policy as TRL does
    told = (told + beta * divergence) * torch.tensor(MASK)
    by_hand = {
        "grpo": (told.sum(1) / torch.tensor([3, 2])).mean(),
        "dr_grpo": told.sum() / (2 * MOST),
        "dapo": told.sum() / 5,
        "bnpo": told.sum() / 5,
        "cispo": told.sum() / 5,
    }[variant]
    assert made._compute_loss(made.model.train(), inputs).item() == pytest.approx(float(by_hand), rel=1e-4)


def test_a_variant_sets_only_what_is_not_given():
    assert RlConfig(variant="dapo").mask_truncated and RlConfig(variant="dapo").epsilon_high == 0.28
    assert RlConfig(variant="dapo", epsilon_high=0.3).epsilon_high == 0.3
    assert RlConfig().loss_type == "dr_grpo" and RlConfig().epsilon_high is None
