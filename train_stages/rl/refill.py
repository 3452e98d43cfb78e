"""Dynamic sampling: groups without an advantage are replaced by groups of other problems (DAPO, arXiv:2503.14476, section 3.2)."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from storage.ids import seed_from

LEFT_PADDED = ("prompt_ids", "prompt_mask")
STEP_TOKENS = "num_items_in_batch"


def refilled(
    trainer: Any, batch: dict[str, Any], inputs: list[dict[str, Any]], *, rounds: int, seed: int
) -> dict[str, Any]:
    """Replace groups without an advantage by groups of other problems that have one.

    What is still without one after the last round stays, and weighs nothing. Every process takes as many rounds as the one
    that needs most.

    Args:
        trainer: A GRPOTrainer with `sample`.
        batch: What it sampled.
        inputs: Of these rows.
        rounds: Further rounds of sampling at most.
        seed: Seed of the problems that are drawn.
    """
    size = trainer.num_generations
    groups = len(inputs) // size
    origins = [(0, group) for group in range(groups)]  # the batch, and the group in it, that each place is filled from
    batches, used = [batch], 0
    empty = without_signal(batch, size)
    empty_before = len(empty)
    while used < rounds and _of_all_processes(trainer, len(empty)):
        used += 1
        batches.append(trainer.sample(_other_problems(trainer, used, groups, seed)))
        useless = set(without_signal(batches[-1], size))
        for group in range(groups):
            if empty and group not in useless:
                origins[empty.pop(0)] = (used, group)
    trainer._metrics["train"]["sampling/rounds"].append(float(used))
    trainer._metrics["train"]["sampling/refilled"].append((empty_before - len(empty)) / groups)
    if used == 0:
        return batch
    merged = merge(batches, origins, size, pad=trainer._tokenizer.pad_token_id)
    learned = merged["completion_mask"] * merged.get("tool_mask", 1)
    merged[STEP_TOKENS] = trainer.accelerator.gather(learned.sum()).sum()
    return merged


def _of_all_processes(trainer: Any, count: int) -> int:
    import torch

    return int(trainer.accelerator.gather(torch.tensor([count], device=trainer.accelerator.device)).sum())


def _other_problems(trainer: Any, round_: int, groups: int, seed: int) -> list[dict[str, Any]]:
    """Rows of other problems; each process takes its part of one common choice."""
    world, mine = trainer.accelerator.num_processes, trainer.accelerator.process_index
    random = np.random.default_rng(seed_from("spare", seed, trainer.state.global_step, round_))
    wanted, available = groups * world, len(trainer.train_dataset)
    chosen = random.choice(available, size=wanted, replace=wanted > available)[mine * groups : (mine + 1) * groups]
    return [dict(trainer.train_dataset[int(row)]) for row in chosen for _ in range(trainer.num_generations)]


def without_signal(batch: dict[str, Any], size: int) -> list[int]:
    """Return the groups whose responses have no advantage over each other."""
    signal = batch["advantages"].view(-1, size).abs().amax(1) > 0
    return [group for group, has_signal in enumerate(signal.tolist()) if not has_signal]


def merge(
    batches: Sequence[dict[str, Any]], origins: Sequence[tuple[int, int]], size: int, *, pad: int
) -> dict[str, Any]:
    """Put groups of several batches into one.

    Args:
        batches: What the trainer sampled, tensors by name with a row a response.
        origins: For each group of the result, the batch and the group there.
        size: Responses in a group.
        pad: The token that fills short rows.
    """
    import torch
    from torch.nn.functional import pad as padded

    merged = {}
    for name, first in batches[0].items():
        if not torch.is_tensor(first) or first.dim() == 0:
            continue
        parts = [batch[name] for batch in batches]
        if first.dim() == 2:
            width = max(part.shape[1] for part in parts)
            fill = pad if name.endswith("_ids") else 0
            left = name in LEFT_PADDED
            parts = [
                padded(part, (width - part.shape[1], 0) if left else (0, width - part.shape[1]), value=fill)
                for part in parts
            ]
        merged[name] = torch.cat([parts[batch][group * size : (group + 1) * size] for batch, group in origins])
    return merged
