"""What TRL's GRPOTrainer is told of the settings."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from storage.errors import TrainingError
from train_stages.config import DistilConfig, RlConfig
from train_stages.process.stage import common_arguments, world_size


def grpo_arguments(folder: Path, config: RlConfig, seed: int, *, weights: Sequence[float] | None = None) -> Any:
    """TRL's configuration.

    Args:
        folder: Where the stage works.
        config: Settings.
        seed: Seed of the training.
        weights: Of the rewards; None weighs them alike.

    Raises:
        TrainingError: The problems of a step cannot be shared by the processes.
    """
    from trl import GRPOConfig

    world = world_size()
    if config.prompts_per_step % world:
        raise TrainingError(
            f"rl: prompts_per_step = {config.prompts_per_step} cannot be shared by {world} processes; set it to a multiple"
        )
    rows = config.prompts_per_step * config.samples // world
    micro = micro_rows(rows, config)
    return GRPOConfig(
        **common_arguments(folder, config, steps=config.steps, seed=seed),
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=rows // micro,
        num_generations=config.samples,
        max_completion_length=config.max_tokens,
        temperature=config.temperature,
        chat_template_kwargs=config.chat_template or None,
        **config.loss.trl_arguments(),
        num_iterations=1,
        reward_weights=list(weights) if weights else None,
    )


def micro_rows(rows: int, config: RlConfig | DistilConfig) -> int:
    """Return how many of a process's responses in a step go through the model at once: a divisor of them."""
    if not config.micro_batch_tokens:
        return rows
    return max(n for n in _divisors(rows) if n == 1 or n * config.max_tokens <= config.micro_batch_tokens)


def _divisors(number: int) -> list[int]:
    return [n for n in range(1, math.isqrt(number) + 1) if number % n == 0] + [
        number // n for n in range(1, math.isqrt(number) + 1) if number % n == 0
    ]
