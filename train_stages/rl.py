"""Reinforcement learning from verifiable rewards: TRL's GRPOTrainer with a task's checker as the reward.

A response that is correct earns 1, any other 0; what cannot be verified counts as wrong. Each step draws problems that
were not seen before, as long as there are any, and samples from the current weights. Not covered: rollouts through
vLLM, refilling groups in which all responses score alike.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from storage.errors import TrainingError
from storage.ids import digest
from synth.problems.base import Outcome, Problem
from synth.sample import problem_of
from train_stages.config import RlConfig, read_config
from train_stages.job import Job, main, read_rows
from train_stages.resume import output_folder
from train_stages.stage import (
    Progress,
    StageResult,
    callbacks,
    common_arguments,
    load,
    on_gpu,
    optimisers,
    run,
    stage_identity,
)

__all__ = ["RlConfig", "bare_prompt", "make_reward", "rl"]

Reward = Callable[..., list[float]]


def rl(
    parent: Path,
    problems: Sequence[Problem],
    out: Path,
    config: RlConfig | None = None,
    *,
    seed: int = 0,
    progress: Progress | None = None,
    to_messages: Callable[[Problem], list[dict[str, str]]] | None = None,
) -> StageResult:
    """Train a checkpoint on its own samples.

    Args:
        parent: The checkpoint to start from; it should already solve a good part of the problems when it samples.
        problems: What is asked. For each problem its task must be known.
        out: Where the new checkpoint goes; it must not exist.
        config: Settings.
        seed: Seed of the order and of the samples.
        progress: Told after each step.
        to_messages: Renders a problem as chat; None asks with the bare prompt as the user's turn.

    Raises:
        CheckpointError: `parent` cannot be loaded.
        TrainingError: There is no problem, `out` exists, or the loss is no longer a number.
    """
    from datasets import Dataset
    from trl import GRPOTrainer

    config = config or RlConfig()
    if not problems:
        raise TrainingError("rl: there are no problems to train on")
    model, tokenizer = load(parent, config)
    tokenizer.padding_side = "left"
    render = to_messages or bare_prompt
    prompts = [{"prompt": render(problem), "number": number} for number, problem in enumerate(problems)]
    identity = stage_identity("rl", parent, digest(prompts, [problem.id for problem in problems]), config, seed)
    with output_folder(out, identity) as folder:
        trainer = GRPOTrainer(
            model=model,
            args=_arguments(folder, config, seed),
            reward_funcs=[make_reward(problems)],
            train_dataset=Dataset.from_list(prompts),
            processing_class=tokenizer,
            optimizers=optimisers(model, config),
            callbacks=callbacks("rl", progress),
        )
        facts = {"problems": float(len(problems)), "gpu": float(on_gpu(config))}
        return run(trainer, folder, out, stage="rl", parent=parent, config=config, tokens=0, facts=facts)


def bare_prompt(problem: Problem) -> list[dict[str, str]]:
    """The problem's prompt as the only message."""
    return [{"role": "user", "content": problem.prompt}]


def make_reward(problems: Sequence[Problem]) -> Reward:
    """The reward function that TRL calls: 1.0 for a correct response, else 0.0."""
    from synth.problems import get_task

    def correct(completions: list[list[dict[str, str]]], number: list[int], **_: Any) -> list[float]:
        scores = []
        for completion, index in zip(completions, number, strict=True):
            problem = problems[index]
            check = get_task(problem.task).check(problem, completion[-1]["content"] if completion else "")
            scores.append(1.0 if check.outcome is Outcome.CORRECT else 0.0)
        return scores

    return correct


def _arguments(folder: Path, config: RlConfig, seed: int) -> Any:
    from trl import GRPOConfig

    rows = config.prompts_per_step * config.samples
    micro_rows = rows
    if config.micro_batch_tokens:
        micro_rows = max(n for n in _divisors(rows) if n == 1 or n * config.max_tokens <= config.micro_batch_tokens)
    return GRPOConfig(
        **common_arguments(folder, config, steps=config.steps, seed=seed),
        per_device_train_batch_size=micro_rows,
        gradient_accumulation_steps=rows // micro_rows,
        num_generations=config.samples,
        max_completion_length=config.max_tokens,
        temperature=config.temperature,
        loss_type=config.loss_type,
        scale_rewards=config.scale_rewards,
        epsilon=config.epsilon,
        epsilon_high=config.epsilon_high,
        beta=config.beta,
        mask_truncated_completions=config.mask_truncated,
        num_iterations=1,
    )


def _divisors(number: int) -> list[int]:
    return [n for n in range(1, math.isqrt(number) + 1) if number % n == 0] + [
        number // n for n in range(1, math.isqrt(number) + 1) if number % n == 0
    ]


def read_problems(path: Path) -> tuple[list[Problem], Callable[[Problem], list[dict[str, str]]] | None]:
    """Read problems from rows, and how each is asked when the rows have `messages`.

    Raises:
        TrainingError: The file cannot be read, or lacks a column of a problem.
    """
    rows = read_rows(path).to_pylist()
    try:
        problems = [problem_of(row) for row in rows]
    except (KeyError, TypeError, ValueError) as error:
        raise TrainingError(f"rows {path} are no problems: {error!r}") from None
    asked = {problem.id: row["messages"] for problem, row in zip(problems, rows, strict=True) if row.get("messages")}
    return problems, (lambda problem: list(asked[problem.id])) if asked else None


def _run(job: Job, progress: Progress) -> StageResult:
    config = read_config(RlConfig, job.options, job.name or "rl")
    problems, to_messages = read_problems(job.rows)
    return rl(job.parent, problems, job.out, config, seed=job.seed, progress=progress, to_messages=to_messages)


if __name__ == "__main__":
    from train_stages.preflight import check_rl

    main("rl", _run, check_rl)
