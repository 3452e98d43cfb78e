"""Reflect, Retry, Reward on a toy whose reflection decides the second try: rewarded reflections against permuted rewards.

    python benchmarks/reflecting.py [--json] [--seeds 1 2 3] [--steps 25]

A tiny model learns dialogues by SFT: it fails a sum, then names one of eight letters (its reflection), each as often, and writes
that letter again as its second answer. The right answer is always the same letter, so a second try succeeds once in eight times. RL
through the environment `reflect_retry` follows, in three arms from the same start:

* `reflection`: the reward goes to the reflection alone, as in the paper;
* `permuted`: the same, each group's rewards shuffled (the control: nothing to learn);
* `all`: every reply carries the reward (plain GRPO on the dialogue).

`second_try`: share of second tries that succeed, of 256 dialogues sampled at temperature 1, before and after each arm;
`reflection_minus_permuted` with the 95 % interval of Student's t over the seeds. `follows`: share of these dialogues whose second
answer is the letter of the reflection; where that is near one in eight, a reflection has nothing to earn. `first_try`: mean
log-probability of the first answers that were written before, as each arm leaves them: what was masked should hardly move. Toy
scale: nothing is said about real models. Result: `benchmarks/results/reflecting.json`.
"""

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.shared.results import last
from benchmarks.shared.seeds import Figures, Seeds, mean
from synth.answers.outcome import Check, Outcome
from synth.environments.reflect_retry import REFLECT, RETRY
from synth.problems.arithmetic import Arithmetic
from synth.problems.base import Problem
from train_stages.config import RlConfig, SftConfig
from train_stages.models.tiny import TinyConfig, create_base
from train_stages.rl import grpo
from train_stages.stages.rl import rl
from train_stages.stages.sft import sft

LETTERS = "ABCDEFGH"
RIGHT = "F"
ARMS = ("reflection", "permuted", "all")


class OneLetter:
    """A task whose right answer is one letter."""

    component = "answer"

    def check(self, problem: Problem, response: str) -> Check:
        """Right where the letter stands alone."""
        return Check(Outcome.CORRECT if response.strip() == RIGHT else Outcome.WRONG, response)

    def solve(self, problem: Problem) -> str:
        """The letter."""
        return RIGHT


def dialogues(problems: Sequence[Problem], seed: int) -> list[list[dict[str, str]]]:
    """What the start learns: a failed try, a letter, the letter again."""
    random_ = random.Random(seed)
    chats = []
    for problem in problems:
        letter = random_.choice(LETTERS)
        turns = [problem.prompt, "none", REFLECT, f"try {letter}", RETRY, letter]
        chats.append([{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(turns)])
    return chats


def start(problems: Sequence[Problem], folder: Path, seed: int, tokens: int) -> Path:
    """The model from which the arms start."""
    import pyarrow as pa

    chats = dialogues(problems, seed)
    texts = ["\n".join(turn["content"] for turn in chat) for chat in chats]
    size = TinyConfig(width=64, layers=2, heads=2, ffn=128, context=512, vocabulary=400)
    base = create_base(folder / "base", texts, seed=seed, config=size)
    config = SftConfig(
        budget_tokens=tokens, batch_tokens=2048, max_length=256, learning_rate=0.01, device="cpu",
        optimiser={"kind": "muon", "adamw_learning_rate": 0.003},
    )  # fmt: skip
    return sft(base, pa.table({"messages": chats}), folder / "start", config, seed=seed).path


def answers(model: Path, chats: Sequence[list[dict[str, str]]], seed: int) -> list[str]:
    """Replies at temperature 1."""
    from synth.engines.sampler import Sampler

    seeds = [seed * 10**6 + number for number in range(len(chats))]
    made = Sampler(model, device="cpu").generate(list(chats), temperature=1.0, max_tokens=12, seed=seeds)
    return [answer.text for answer in made]


def second_try(model: Path, problems: Sequence[Problem], seed: int) -> tuple[float, float]:
    """Shares of second tries, after a failed first one and the model's own reflection, that succeed, and that follow it."""
    chats = [[{"role": "user", "content": problem.prompt}] for problem in problems]
    replies: list[str] = []
    for said in (REFLECT, RETRY):
        replies = answers(model, chats, seed)
        chats = [
            [*chat, {"role": "assistant", "content": reply}, {"role": "user", "content": said}]
            for chat, reply in zip(chats, replies, strict=True)
        ]
    tries = [reply.strip() for reply in answers(model, chats, seed)]
    followed = sum(f"try {letter}" == reflection.strip() for letter, reflection in zip(tries, replies, strict=True))
    return round(tries.count(RIGHT) / len(chats), 4), round(followed / len(chats), 4)


def first_try(model: Path, problems: Sequence[Problem]) -> float:
    """Mean log-probability of the failed first answer."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    loaded, tokenizer = AutoModelForCausalLM.from_pretrained(model), AutoTokenizer.from_pretrained(model)
    total = []
    for problem in problems:
        chat = [{"role": "user", "content": problem.prompt}]
        asked = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=True)["input_ids"]
        written = tokenizer("none", add_special_tokens=False)["input_ids"]
        ids = torch.tensor([[*asked, *written]])
        with torch.no_grad():
            logps = loaded(input_ids=ids).logits[0, len(asked) - 1 : -1].log_softmax(-1)
        total.append(float(logps.gather(1, torch.tensor(written)[:, None]).sum()))
    return statistics.fmean(total)


def arm(name: str, model: Path, problems: Sequence[Problem], out: Path, seed: int, options: argparse.Namespace) -> Path:
    """Reinforcement learning of one arm."""
    import torch

    credit = {"credit": [0, 1, 2]} if name == "all" else {}
    config = RlConfig(
        steps=options.steps, prompts_per_step=8, samples=8, max_tokens=140, max_length=256, learning_rate=options.rate,
        device="cpu", environment="reflect_retry", rewards="environment", difficulty="all", **credit,
    )  # fmt: skip
    ours = grpo.advantages
    if name == "permuted":
        generator = torch.Generator().manual_seed(seed)

        def permuted(rewards: Any, group: int, scale: Any) -> Any:
            places = torch.cat(
                [torch.randperm(group, generator=generator) + at for at in range(0, len(rewards), group)]
            )
            return ours(rewards[places], group, scale)

        grpo.advantages = permuted
    try:
        return rl(model, problems, out, config, seed=seed).path
    finally:
        grpo.advantages = ours


def one_seed(seed: int, options: argparse.Namespace) -> Figures:
    drawn = Arithmetic([1]).draw(600 + 256, seed=seed)
    known, asked = drawn[:600], drawn[600:]
    with tempfile.TemporaryDirectory() as folder:
        model = start(known, Path(folder), seed, options.start_tokens)
        models = {"start": model}
        models |= {name: arm(name, model, known, Path(folder) / name, seed, options) for name in ARMS}
        tries = {name: second_try(path, asked, seed) for name, path in models.items()}
        return {
            "second_try": {name: right for name, (right, _) in tries.items()},
            "follows": {name: followed for name, (_, followed) in tries.items()},
            "first_try": {name: round(first_try(path, asked[:64]), 4) for name, path in models.items()},
        }


def summary(seeds: Sequence[Figures]) -> Figures:
    """Means over the seeds, and the differences with an interval over them."""
    return {
        **{
            f"{name}_minus_{other}": mean([seed["second_try"][name] - seed["second_try"][other] for seed in seeds])
            for name, other in (("reflection", "permuted"), ("reflection", "start"), ("all", "start"))
        },
        "means": {
            name: round(statistics.fmean(seed["second_try"][name] for seed in seeds), 4) for name in ("start", *ARMS)
        },
        "follows": round(statistics.fmean(seed["follows"]["start"] for seed in seeds), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3])
    parser.add_argument("--steps", type=int, default=25, help="of RL: 8 problems, 8 dialogues each")
    parser.add_argument("--rate", type=float, default=3e-4, help="learning rate of RL")
    parser.add_argument("--start-tokens", type=int, default=300_000)
    options = parser.parse_args()
    import torch

    import synth.environments.base
    import synth.problems

    torch.set_num_threads(1)
    task = OneLetter()
    synth.problems.get_task = synth.environments.base.get_task = lambda name: task
    settings = {name: value for name, value in vars(options).items() if name not in ("json", "seeds")}
    kept = Seeds("reflecting", settings, summary)
    for seed in options.seeds:
        kept.add(seed, one_seed(seed, options))
    print(json.dumps(last("reflecting"), indent=None if options.json else 1))


if __name__ == "__main__":
    main()
