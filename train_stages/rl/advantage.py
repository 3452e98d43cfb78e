"""GRPO's advantage: what a response earned, compared with the other responses to the same problem."""

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

EPSILON = 1e-4
"""Added to a standard deviation; TRL's."""


def total(earned: "Tensor", weights: "Tensor") -> "Tensor":
    """Add up what each reward gives.

    Args:
        earned: `[B, rewards]`; not a number where a reward does not apply, or cannot say.
        weights: `[rewards]`.

    Returns:
        `[B]`; not a number where no reward says anything.
    """
    rewards = (earned * weights).nansum(dim=1)
    rewards[earned.isnan().all(dim=1)] = float("nan")
    return rewards


def advantages(rewards: "Tensor", group: int, scale: Literal["group", "batch", "none"]) -> "Tensor":
    """Return `r - mean(r of the group)`, divided by a standard deviation (arXiv:2402.03300, section 4.1.2).

    A response without a reward is in no mean and no deviation, and its advantage is 0.

    Args:
        rewards: `[B]`, the responses to a problem beside each other; not a number where there is none.
        group: Responses to a problem.
        scale: Divide by the deviation of the group (GRPO) or the batch, or not at all (Dr. GRPO, arXiv:2503.20783).

    Returns:
        `[B]`.
    """
    means = rewards.view(-1, group).nanmean(dim=1).repeat_interleave(group, dim=0)
    gains = rewards - means
    if scale == "group":
        gains = gains / (_deviation(rewards.view(-1, group)).repeat_interleave(group, dim=0) + EPSILON)
    elif scale == "batch":
        gains = gains / (_deviation(rewards.view(1, -1)) + EPSILON)
    return gains.nan_to_num(nan=0.0)


def _deviation(rewards: "Tensor") -> "Tensor":
    """The sample standard deviation of each row, `[rows]`, of what is a number; not a number for fewer than two."""
    import torch

    count = (~rewards.isnan()).sum(dim=1)
    mean = rewards.nanmean(dim=1, keepdim=True)
    variance = ((rewards - mean) ** 2).nanmean(dim=1)
    return torch.sqrt(variance * (count / (count - 1)))
