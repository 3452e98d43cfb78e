"""Knights and Knaves as a warm-up before reinforcement learning on 100 sums (Warm-Up, arXiv:2505.13718), a tiny model on a CPU.

    python benchmarks/warming.py --seeds 0 1 2 3 4        # each seed is kept as it comes; two processes may share them
    python benchmarks/warming.py --json                   # what was measured so far

A model from nothing learns sums of the first tier from other worked solutions until it is sometimes right. From it start three arms
that see the same 100 sums, none of which it knows:

* `rl`: reinforcement learning on the 100 sums;
* `warm_rl`: SFT on puzzles of two and three people first, then the same reinforcement learning;
* `sft`: SFT on the worked solutions of the 100 sums, on as many tokens as `warm_rl` went through in both its stages.

Scored on held-out sums of other structures: greedy answers, and avg@4 at T=1. `warm_rl_minus_rl` and `warm_rl_minus_sft`: means of
the differences over the seeds, with the 95 % interval of Student's t over them; `by_seed` has each with a paired bootstrap over
problems. The learning rates of RL, of the warm-up (by what RL made after it) and of SFT are the best of `GRID` on seed 99, which
is in no figure; `tuning` has what each gave, and `puzzle_loss` says whether a warm-up learned anything of the puzzles. SFT is shown
worked solutions and RL only answers: equal tokens are not equal knowledge, nor equal time.
Result: `benchmarks/results/warming.json`.
"""

import argparse
import json
import os
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.learning import COMMON, Run, ask, chats, difference, from_nothing, muon
from benchmarks.shared.results import last
from benchmarks.shared.seeds import Figures, Seeds, mean
from synth.problems.arithmetic import Arithmetic
from synth.problems.base import Problem
from synth.problems.holdout import structure_ids
from synth.problems.knights_knaves import KnightsKnaves
from train_stages.config import RlConfig, SftConfig
from train_stages.models.tiny import TinyConfig
from train_stages.promotion.evaluate import Evaluation
from train_stages.stages.rl import rl
from train_stages.stages.sft import sft

ARMS = ("rl", "warm_rl", "sft")
COMPARED = {
    "warm_rl_minus_rl": ("rl", "warm_rl"),
    "warm_rl_minus_sft": ("sft", "warm_rl"),
    "rl_minus_start": ("start", "rl"),
    "warm_rl_minus_start": ("start", "warm_rl"),
}
GRID = {"rl": (3e-5, 1e-4, 3e-4), "warm": (5e-4, 2e-3), "sft": (1e-3, 5e-3)}
"""Learning rates that are tried on the seed that is not reported."""
NOT_REPORTED = 99
TARGET = 100
"""Sums that the arms learn from."""


def supervised(problems: Sequence[Problem], run: Run, name: str, tokens: int, rate: float, seed: int) -> Run:
    """SFT on worked solutions, on so many tokens."""
    config = SftConfig(budget_tokens=tokens, learning_rate=rate, optimiser=muon(rate / 5), **COMMON)
    return run.then(name, sft, chats(problems), config, seed, mark=len(problems))


class World:
    """A seed's problems, and the model that the arms start from."""

    def __init__(self, seed: int, options: argparse.Namespace) -> None:
        sums = Arithmetic([1])
        self.seed, self.options = seed, options
        self.held = sums.draw(options.test, seed=1000 + seed)
        self.target = sums.draw(TARGET, seed=2000 + seed, exclude=structure_ids(self.held))
        kept = structure_ids([*self.held, *self.target])
        known = sums.draw(options.known, seed=seed, exclude=kept)
        self.puzzles = KnightsKnaves((2, 3), "compact").draw(options.puzzles, seed=seed)
        base = from_nothing([*known[:150], *self.puzzles[:150]], seed, TinyConfig())
        self.start = supervised(known, base, "start", options.start_tokens, 0.01, seed)

    def warm(self, rate: float) -> Run:
        """The start after the warm-up."""
        return supervised(self.puzzles, self.start, "warm-up", self.options.warm_tokens, rate, self.seed)

    def reinforced(self, run: Run, rate: float) -> Run:
        """A model after reinforcement learning on the sums; no problem is left out."""
        config = RlConfig(
            steps=self.options.steps, prompts_per_step=32, samples=8, max_tokens=48, max_length=256, device="cpu",
            learning_rate=rate, difficulty="all",
        )  # fmt: skip
        return run.then("rl", rl, self.target, config, self.seed)

    def solved(self, run: Run, rate: float, tokens: int) -> Run:
        """A model after SFT on the worked solutions of the sums."""
        return supervised(self.target, run, "sft", tokens, rate, self.seed)

    def answers(self, run: Run) -> Evaluation:
        """Answers to the held-out sums."""
        return ask(run, self.held, self.seed, samples=4, tokens=64)


def shares(evaluation: Evaluation) -> tuple[float, float]:
    """Greedy accuracy, and avg@4."""
    score = evaluation.scores[0]
    assert score.average is not None
    return round(score.greedy.value, 4), round(score.average.value, 4)


def losses(warm: Run) -> list[float]:
    """The loss on puzzles at the beginning of the warm-up and at its end, in nats a token."""
    metrics = warm.stages[-1]["metrics"]
    return [metrics["first_loss"], metrics["loss"]]


def tune(options: argparse.Namespace) -> Figures:
    """Try the rates, each way of learning by itself; avg@4 decides."""
    world = World(NOT_REPORTED, options)
    tried: dict[str, Any] = {"start": shares(world.answers(world.start))}
    rates: dict[str, float] = {}

    def best(name: str, runs: dict[float, Run]) -> Run:
        tried[name] = {str(rate): shares(world.answers(run)) for rate, run in runs.items()}
        print(name, tried[name], file=sys.stderr, flush=True)
        rates[name] = max(runs, key=lambda rate: tried[name][str(rate)][1])
        return runs[rates[name]]

    learned = best("rl", {rate: world.reinforced(world.start, rate) for rate in GRID["rl"]})
    warmed = {rate: world.warm(rate) for rate in GRID["warm"]}
    tried["warm-up alone"] = {str(rate): [*shares(world.answers(run)), losses(run)] for rate, run in warmed.items()}
    print(tried["warm-up alone"], file=sys.stderr, flush=True)
    best("warm", {rate: world.reinforced(run, rates["rl"]) for rate, run in warmed.items()})
    tokens = options.warm_tokens + learned.stages[-1]["tokens"]
    best("sft", {rate: world.solved(world.start, rate, tokens) for rate in GRID["sft"]})
    return {"seed": NOT_REPORTED, "rates": rates, "tried": tried}


def one_seed(seed: int, rates: dict[str, float], options: argparse.Namespace) -> Figures:
    """Train and score the three arms."""
    world = World(seed, options)
    warm = world.warm(rates["warm"])
    arms = {"rl": world.reinforced(world.start, rates["rl"]), "warm_rl": world.reinforced(warm, rates["rl"])}
    warmed, tokens = (stage["tokens"] for stage in arms["warm_rl"].stages[-2:])
    arms["sft"] = world.solved(world.start, rates["sft"], warmed + tokens)
    answers = {name: world.answers(run) for name, run in {"start": world.start, "warm": warm, **arms}.items()}
    return {
        "greedy": {name: shares(given)[0] for name, given in answers.items()},
        "sampled": {name: shares(given)[1] for name, given in answers.items()},
        "differences": {name: difference(answers[old], answers[new]) for name, (old, new) in COMPARED.items()},
        "tokens": {name: sum(stage["tokens"] for stage in run.stages[1:]) for name, run in arms.items()},
        "cpu_seconds": {name: round(sum(s["cpu_seconds"] for s in run.stages[1:])) for name, run in arms.items()},
        "puzzle_loss": losses(warm),
        "items": len(world.held),
    }


def summary(seeds: Sequence[Figures]) -> Figures:
    """Means over the seeds, and the differences with an interval over them."""
    figures: Figures = {}
    for metric in ("greedy", "sampled"):
        figures[metric] = {
            arm: round(statistics.fmean(seed[metric][arm] for seed in seeds), 4) for arm in ("start", "warm", *ARMS)
        }
        for name, (old, new) in COMPARED.items():
            figures[f"{name}_{metric}"] = mean([seed[metric][new] - seed[metric][old] for seed in seeds])
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print the JSON object only")
    parser.add_argument("--seeds", type=int, nargs="*", default=[])
    parser.add_argument("--tune", action="store_true", help="only choose the rates, where that was not done")
    parser.add_argument("--known", type=int, default=1500, help="worked solutions that the start learns from")
    parser.add_argument("--start-tokens", type=int, default=260_000, help="of SFT from nothing")
    parser.add_argument("--puzzles", type=int, default=600, help="puzzles of the warm-up")
    parser.add_argument("--warm-tokens", type=int, default=150_000, help="of the warm-up")
    parser.add_argument("--steps", type=int, default=30, help="of RL: 32 problems, 8 responses each")
    parser.add_argument("--test", type=int, default=300, help="held-out sums")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    settings = {name: value for name, value in vars(options).items() if name not in ("json", "seeds", "tune")}
    kept = Seeds("warming", settings, summary)
    if options.seeds or options.tune:
        rates = kept.tuned(lambda: tune(options))
        for seed in options.seeds:
            kept.add(seed, one_seed(seed, rates, options))
    print(json.dumps(last("warming"), indent=None if options.json else 1))


if __name__ == "__main__":
    main()
