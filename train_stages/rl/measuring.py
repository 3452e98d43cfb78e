"""Pass rates that are measured before reinforcement learning begins: the model tries each problem some times."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from filters.pass_rate import PassRate
from storage.atomic import atomic_file
from storage.ids import seed_from
from synth.problems.base import Problem
from train_stages.config import RlConfig
from train_stages.process.preflight import load_tokenizer
from train_stages.process.stage import on_gpu
from train_stages.process.states import STATES
from train_stages.rl.pass_rates import FILE, Ask, keep, kept, measure
from train_stages.rl.rollouts import VllmRollouts

ToMessages = Callable[[Problem], list[dict[str, str]]]


def bare_prompt(problem: Problem) -> list[dict[str, str]]:
    """The problem's prompt as the only message."""
    return [{"role": "user", "content": problem.prompt}]


def measured(
    folder: Path,
    parent: Path,
    problems: Sequence[Problem],
    render: ToMessages,
    config: RlConfig,
    seed: int,
    server: VllmRollouts | None,
) -> dict[str, PassRate]:
    """Measure pass rates of the parent once; a killed stage that goes on reads what it had measured.

    Args:
        folder: Where the stage works.
        parent: The checkpoint that it starts from.
        problems: What is asked.
        render: Renders a problem as chat.
        config: Settings.
        seed: Seed of the stage.
        server: Who answers; None answers in this process.
    """
    path = folder / STATES / FILE
    if path.exists():
        return kept(path)
    rates = measure(
        problems,
        _asker(parent, render, config, seed, server),
        model=parent.name,
        tries=config.least_tries,
        wanted=config.steps * config.prompts_per_step,
        seed=seed,
    )
    path.parent.mkdir(exist_ok=True)
    with atomic_file(path) as making:
        keep(making, rates.values())
    return rates


def _asker(parent: Path, render: ToMessages, config: RlConfig, seed: int, server: VllmRollouts | None) -> Ask:
    if server is not None:
        tokenizer = load_tokenizer(parent)

        def ask_server(problems: Sequence[Problem], tries: int) -> list[list[str]]:
            prompts = [
                list(
                    tokenizer.apply_chat_template(
                        render(problem), add_generation_prompt=True, return_dict=True, **config.chat_template
                    )["input_ids"]
                )
                for problem in problems
            ]
            ids = [tokens for tokens, _ in server.generate(prompts, tries)]
            texts = tokenizer.batch_decode(ids, skip_special_tokens=True)
            return [texts[start : start + tries] for start in range(0, len(texts), tries)]

        return ask_server
    from synth.engines.sampler import Sampler

    sampler = Sampler(parent, device="cuda" if on_gpu(config) else "cpu")

    def ask(problems: Sequence[Problem], tries: int) -> list[list[str]]:
        asked = [(problem, number) for problem in problems for number in range(tries)]
        answers = sampler.generate(
            [render(problem) for problem, _ in asked],
            temperature=config.temperature,
            max_tokens=config.max_tokens,
            body=json.dumps({"chat_template_kwargs": config.chat_template}),
            seed=[seed_from("pass rate", seed, problem.id, number) for problem, number in asked],
        )
        return [[answer.text for answer in answers[start : start + tries]] for start in range(0, len(answers), tries)]

    return ask
