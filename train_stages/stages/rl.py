"""Reinforcement learning from verifiable rewards: TRL's GRPOTrainer with the tasks' own checkers as rewards.

Each step draws problems (`train_stages.rl.draws`), samples responses from the current weights in this process or through a
vLLM server (`train_stages.rl.rollouts`), and scores them (`train_stages.rewards.scoring`). Beside the weights are
`rollouts.parquet`, how every group of responses came out, and, when they were measured, `pass_rates.parquet`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from filters.pass_rate import PassRate
from storage.errors import TrainingError
from storage.ids import digest
from storage.models.checkpoints import checkpoint_digest
from synth.environments.dialogue import Dialogue
from synth.environments.playing import played_in
from synth.problems import checker_versions
from synth.problems.base import Problem
from synth.sample import problem_of, problem_row
from train_stages.config import RlConfig, read_config
from train_stages.process.job import Job, main, read_rows
from train_stages.process.preflight import load_tokenizer, memory
from train_stages.process.stage import (
    Progress,
    StageResult,
    adapter_arguments,
    callbacks,
    load,
    on_gpu,
    run,
    stage_identity,
)
from train_stages.process.states import last_state, output_folder
from train_stages.rewards.scoring import Rewards, check_rewards, make_rewards
from train_stages.rl import pass_rates
from train_stages.rl.arguments import grpo_arguments
from train_stages.rl.draws import FILE, Draws, Rollouts
from train_stages.rl.grpo import Policy, grpo_trainer, keeping_callback
from train_stages.rl.measuring import ToMessages, bare_prompt, measured
from train_stages.rl.rollouts import VllmRollouts, check_rollouts, rollout_server, uses_vllm
from train_stages.rl.switching import Averages, check_solutions
from train_stages.rl.turns import check_environment, plays
from train_stages.stages.base import Material, Stage

__all__ = ["RlConfig", "bare_prompt", "check_rl", "rl"]

LOOKED_AT = 200
"""Prompts that a preflight renders."""


def rl(
    parent: Path,
    problems: Sequence[Problem],
    out: Path,
    config: RlConfig | None = None,
    *,
    seed: int = 0,
    progress: Progress | None = None,
    to_messages: ToMessages | None = None,
    rates: Mapping[str, PassRate] | None = None,
    models: Mapping[str, Path] | None = None,
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
        rates: Pass rates of this parent by problem id; problems that it solves always or never are left out.
        models: Folders of the checkpoints that rewards ask, by the name that the rewards give them.

    Raises:
        CheckpointError: `parent` cannot be loaded.
        ModelServerError: Responses are asked of a vLLM server that cannot be started or reached.
        TrainingError: There is no problem, `out` exists, or the loss is no longer a number.
    """
    config = config or RlConfig()
    if not problems:
        raise TrainingError("rl: there are no problems to train on")
    check_environment(problems, config)
    if config.switch is not None:
        check_solutions(problems)
    alone = config.difficulty == "all" or plays(
        problems, config.environment
    )  # rates of answers without tools say nothing
    known_rates = {} if alone else dict(rates or {})
    render = to_messages or bare_prompt
    asked = [[problem.id, render(problem)] for problem in problems]
    counts = sorted((rate.problem_id, rate.tries, rate.correct) for rate in known_rates.values())
    judges = checker_versions(problem.task for problem in problems)
    others = {name: checkpoint_digest(path) for name, path in (models or {}).items()}
    content = digest(asked, counts, judges, others) if others else digest(asked, counts, judges)
    identity = stage_identity("rl", parent, content, config, seed)
    with output_folder(out, identity) as folder, rollout_server(config, parent, out) as server:
        if config.difficulty == "measured":
            known_rates |= measured(
                folder, parent, [p for p in problems if p.id not in known_rates], render, config, seed, server
            )
        chosen = pass_rates.choose(problems, known_rates, tries=config.least_tries)
        state = last_state(folder)
        rollouts = Rollouts(state / FILE if state else None)
        rewards = make_rewards(chosen.problems, config.rewards, models, render)
        averages = Averages(state)
        trainer = _trainer(
            folder, parent, chosen.problems, rollouts, rewards, render, config, seed, server, progress, averages
        )
        facts = {**chosen.figures, "gpu": float(on_gpu(config)), "rollouts_by_vllm": float(server is not None)}
        result = run(
            trainer, folder, out, stage="rl", parent=parent, config=config, tokens=0, facts=facts, judge=judges
        )
        if trainer.is_world_process_zero():
            rollouts.write(folder / FILE, [problem.id for problem in chosen.problems])
            if config.difficulty == "measured":
                pass_rates.keep(folder / pass_rates.FILE, known_rates.values())
        return result


def _trainer(
    folder: Path,
    parent: Path,
    problems: Sequence[Problem],
    rollouts: Rollouts,
    rewards: Rewards,
    render: ToMessages,
    config: RlConfig,
    seed: int,
    server: VllmRollouts | None,
    progress: Progress | None,
    averages: Averages,
) -> Any:
    """TRL's trainer, ready to train on the chosen problems."""
    from datasets import Dataset

    model, tokenizer = load(parent, config)
    tokenizer.padding_side = "left"
    arguments = grpo_arguments(folder, config, seed, weights=rewards.weights)
    draws = Draws(
        len(problems),
        steps=config.steps,
        prompts=config.prompts_per_step,
        group=config.samples,
        repeats=arguments.gradient_accumulation_steps,
        seed=seed,
        history=rollouts if config.resampled == "history" else None,
    )
    rows = [{"prompt": render(problem), "number": number} for number, problem in enumerate(problems)]
    return grpo_trainer(
        Policy(draws, rollouts, rewards, config, seed, server, problems, averages),
        model=model,
        args=arguments,
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        callbacks=[keeping_callback(rollouts, averages), *callbacks("rl", progress)],
        **adapter_arguments(config),
    )


def read_problems(path: Path) -> tuple[list[Problem], ToMessages | None, dict[str, PassRate]]:
    """Read problems from rows, how each is asked when the rows have `messages`, and pass rates when they have `tries`.

    Raises:
        TrainingError: The file cannot be read, or lacks a column of a problem.
    """
    rows = read_rows(path).to_pylist()
    try:
        problems = [problem_of(row) for row in rows]
        rates = pass_rates.read(rows, [problem.id for problem in problems])
    except (KeyError, TypeError, ValueError) as error:
        raise TrainingError(f"rows {path} are no problems: {error!r}") from None
    asked = {problem.id: row["messages"] for problem, row in zip(problems, rows, strict=True) if row.get("messages")}
    return problems, (lambda problem: list(asked[problem.id])) if asked else None, rates


def check_rl(job: Job) -> dict[str, Any]:
    """Check reinforcement learning: prompts render and fit, each kind of problem is rewarded rightly, memory suffices.

    Raises:
        CheckpointError: The parent's tokenizer or configuration cannot be loaded.
        ModelServerError: A vLLM server is named that cannot be reached, or none is installed.
        TrainingError: One of the checks fails; the message says which setting to change.
    """
    config = read_config(RlConfig, job.options, job.name or "rl")
    problems, to_messages, rates = read_problems(job.rows)
    if not problems:
        raise TrainingError("rl: there are no problems to train on")
    check_environment(problems, config)
    if config.switch is not None:
        check_solutions(problems)
    tokenizer = load_tokenizer(job.parent)
    if not tokenizer.chat_template:
        raise TrainingError(
            "rl: this checkpoint has no chat template; take an instruct model, or set base.template: plain"
        )
    prompts = [_prompt(tokenizer, problem, to_messages or bare_prompt, config) for problem in problems[:LOOKED_AT]]
    longest = max(len(tokenizer(prompt, add_special_tokens=False)["input_ids"]) for prompt in prompts)
    if longest + config.max_tokens > config.max_length:
        raise TrainingError(
            f"rl: a prompt of {longest} tokens and max_tokens = {config.max_tokens} exceed max_length = "
            f"{config.max_length}; set max_length to {longest + config.max_tokens} or lower max_tokens"
        )
    at_once = config.prompts_per_step * config.samples * (longest + config.max_tokens)
    if config.difficulty == "measured" and config.accelerate is not None:
        raise TrainingError(
            "rl: difficulty: measured works in one process; set difficulty: stored, or leave accelerate out"
        )
    own_server = uses_vllm(config) and config.rollout_endpoint is None
    alone = config.difficulty == "all" or plays(problems, config.environment)
    chosen = pass_rates.choose(problems, {} if alone else rates, tries=config.least_tries)
    return {
        "problems": len(problems),
        "pass_rates": {name: int(value) for name, value in chosen.figures.items()},
        "longest_prompt": longest,
        "one_prompt": prompts[0],
        "rewarded": check_rewards(problems, config.rewards),
        "rollouts": check_rollouts(config, job.parent),
        **memory(
            job.parent,
            config,
            copies=2 if config.loss.beta and config.adapter is None else 1,
            tokens=config.micro_batch_tokens or at_once,
            share=1 - config.rollout_memory if own_server else 1.0,
        ),
    }


def _prompt(tokenizer: Any, problem: Problem, render: ToMessages, config: RlConfig) -> str:
    """A problem as the model is asked it, with the tools of its environment.

    Raises:
        TrainingError: The chat template knows no tools.
        SandboxError: The environment runs programs, and there is no working sandbox here.
    """
    spec, chat = played_in(problem, config.environment), render(problem)
    tools: list[dict[str, Any]] | None = None
    if spec is not None:
        dialogue = Dialogue(spec.environment, problem, chat, turns=spec.turns, form=spec.form)
        chat, tools = dialogue.messages, dialogue.tools
        if tools and "tools" not in str(tokenizer.chat_template):
            raise TrainingError(
                f"rl: the chat template of this checkpoint knows no tools; write environment: {{kind: {spec.kind}, form: text}}"
            )
    return str(
        tokenizer.apply_chat_template(
            chat, tools=tools, add_generation_prompt=True, tokenize=False, **config.chat_template
        )
    )


def questions(material: Material, config: Any, stage: str = "rl") -> pa.Table:
    """Return the problems as rows: columns of `problems`, `id`, `messages` (how each is asked), and `tries` and `correct`.

    Raises:
        TrainingError: There is no problem.
    """
    if not material.problems:
        raise TrainingError(f"{stage}: {material.origin} has no problems for it")
    rows = [
        {**problem_row(problem, split="train", night=""), "id": problem.id, "messages": material.messages(problem)}
        for problem in material.problems
    ]
    table = pa.Table.from_pylist(rows)
    rates = [material.rates.get(problem.id) for problem in material.problems]
    for name in ("tries", "correct"):
        counts = pa.array([None if rate is None else getattr(rate, name) for rate in rates], pa.int64())
        table = table.append_column(name, counts)
    return table


def asked_models(config: RlConfig) -> list[str]:
    """Return the checkpoints that the rewards ask."""
    return list(dict.fromkeys(name for reward in config.rewards for name in reward.models))


def run_rl(job: Job, progress: Progress) -> StageResult:
    """Do a job of reinforcement learning."""
    config = read_config(RlConfig, job.options, job.name or "rl")
    problems, to_messages, rates = read_problems(job.rows)
    return rl(
        job.parent, problems, job.out, config, seed=job.seed, progress=progress, to_messages=to_messages, rates=rates,
        models={name: job.models[name] for name in asked_models(config)},
    )  # fmt: skip


RL = Stage(
    "rl",
    summary="reinforcement learning from verifiable rewards (GRPO and its relatives)",
    config=RlConfig,
    rows=questions,
    check=check_rl,
    run=run_rl,
    asks=True,
    measured=("tries", "correct"),
    visits=(FILE, "problem_id"),
    models=asked_models,
)

if __name__ == "__main__":
    main(RL.name, RL.run, RL.check)
