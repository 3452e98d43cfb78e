"""Knights and Knaves as a warm-up before reinforcement learning on 100 sums (Warm-Up, arXiv:2505.13718), a tiny model on a CPU.

    python benchmarks/warming.py --seeds 0 1 2 3 4        # each seed is kept as it comes
    python benchmarks/warming.py --json                   # what was measured so far

A model from nothing learns sums of the first tier from other worked solutions until it is sometimes right. From it start four arms
that see the same 100 sums, none of which it knows:

* `rl`: reinforcement learning on the 100 sums;
* `warm_rl`: SFT on puzzles of two and three people first, then the same reinforcement learning;
* `sft`: SFT on the worked solutions of the 100 sums, on as many tokens as `warm_rl` went through in both its stages;
* `warm_sft`: the same warm-up, then SFT on the worked solutions, on as many tokens as the RL of `warm_rl` went through.

Scored on held-out sums of other structures: greedy answers, and avg@4 at T=1. `warm_rl_minus_rl` and `warm_rl_minus_sft`: means of
the differences over the seeds, with the 95 % interval of Student's t over them; `by_seed` has each with a paired bootstrap over
problems. Settings were chosen with `--seeds 99`, which is in no figure. SFT is shown worked solutions and RL only answers: equal
tokens are not equal knowledge, nor equal time. Result: `benchmarks/results/warming.json`.
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
from benchmarks.shared.results import circumstances, keep, last
from synth.problems.arithmetic import Arithmetic
from synth.problems.base import Problem
from synth.problems.holdout import structure_ids
from synth.problems.knights_knaves import KnightsKnaves
from train_stages.config import RlConfig, SftConfig
from train_stages.models.tiny import TinyConfig
from train_stages.stages.rl import rl
from train_stages.stages.sft import sft

ARMS = ("rl", "warm_rl", "sft", "warm_sft")
COMPARED = {"warm_rl_minus_rl": ("rl", "warm_rl"), "warm_rl_minus_sft": ("sft", "warm_rl")}
NOT_REPORTED = "99"
"""The seed that settings were chosen with."""
TARGET = 100
"""Sums that the arms learn from."""


def supervised(problems: Sequence[Problem], run: Run, name: str, tokens: int, rate: float, seed: int) -> Run:
    """SFT on worked solutions, on so many tokens."""
    config = SftConfig(budget_tokens=tokens, learning_rate=rate, optimiser=muon(rate / 5), **COMMON)
    return run.then(name, sft, chats(problems), config, seed)


def reinforced(problems: Sequence[Problem], run: Run, seed: int, options: argparse.Namespace) -> Run:
    """Reinforcement learning on the sums; no problem is left out."""
    config = RlConfig(
        steps=options.steps, prompts_per_step=32, samples=8, max_tokens=48, max_length=256, device="cpu",
        learning_rate=options.rate, difficulty="all",
    )  # fmt: skip
    return run.then("rl", rl, problems, config, seed)


def one_seed(seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Train and score the four arms."""
    sums = Arithmetic([1])
    held = sums.draw(options.test, seed=1000 + seed)
    target = sums.draw(TARGET, seed=2000 + seed, exclude=structure_ids(held))
    kept = structure_ids([*held, *target])
    known = sums.draw(options.known, seed=seed, exclude=kept)
    puzzles = KnightsKnaves((2, 3), "compact").draw(options.puzzles, seed=seed)
    start = from_nothing([*known[:150], *puzzles[:150]], seed, TinyConfig())
    start = supervised(known, start, "start", options.start_tokens, 0.01, seed)
    warm = supervised(puzzles, start, "warm-up", options.warm_tokens, options.warm_rate, seed)
    arms = {"rl": reinforced(target, start, seed, options), "warm_rl": reinforced(target, warm, seed, options)}
    tokens = arms["warm_rl"].stages[-1]["tokens"]
    warmed = warm.stages[-1]["tokens"]
    arms["sft"] = supervised(target, start, "sft", warmed + tokens, 0.005, seed)
    arms["warm_sft"] = supervised(target, warm, "sft", tokens, 0.005, seed)
    answers = {name: ask(run, held, seed, samples=4) for name, run in {"start": start, "warm": warm, **arms}.items()}
    return {
        "greedy": {name: round(given.scores[0].greedy.value, 4) for name, given in answers.items()},
        "sampled": {name: round(given.scores[0].average.value, 4) for name, given in answers.items()},
        "differences": {name: difference(answers[old], answers[new]) for name, (old, new) in COMPARED.items()},
        "tokens": {name: sum(stage["tokens"] for stage in run.stages[1:]) for name, run in arms.items()},
        "cpu_seconds": {name: round(sum(s["cpu_seconds"] for s in run.stages[1:])) for name, run in arms.items()},
        "items": len(held),
        **circumstances(),
    }  # fmt: skip


def summary(by_seed: dict[str, Any]) -> dict[str, Any]:
    """Means over the seeds, and the differences with an interval over them."""
    seeds = [result for seed, result in sorted(by_seed.items()) if seed != NOT_REPORTED]
    if not seeds:
        return {}
    figures: dict[str, Any] = {"seeds": len(seeds), "toy": True}
    for metric in ("greedy", "sampled"):
        figures[metric] = {
            arm: round(statistics.fmean(seed[metric][arm] for seed in seeds), 4) for arm in ("start", "warm", *ARMS)
        }
        for name, (old, new) in COMPARED.items():
            apart = [seed[metric][new] - seed[metric][old] for seed in seeds]
            figures[f"{name}_{metric}"] = [round(statistics.fmean(apart), 4), *interval(apart)]
    return figures


def interval(values: Sequence[float]) -> list[float]:
    """The 95 % interval of their mean by Student's t; empty for a single value."""
    from scipy.stats import t

    if len(values) < 2:
        return []
    half = float(t.ppf(0.975, len(values) - 1)) * statistics.stdev(values) / len(values) ** 0.5
    return [round(statistics.fmean(values) - half, 4), round(statistics.fmean(values) + half, 4)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print the JSON object only")
    parser.add_argument("--seeds", type=int, nargs="*", default=[])
    parser.add_argument(
        "--known", type=int, default=1500, help="sums with worked solutions, that the start learns from"
    )
    parser.add_argument("--start-tokens", type=int, default=200_000, help="of SFT from nothing")
    parser.add_argument("--puzzles", type=int, default=600, help="puzzles of the warm-up")
    parser.add_argument("--warm-tokens", type=int, default=60_000, help="of the warm-up")
    parser.add_argument("--warm-rate", type=float, default=0.001, help="learning rate of the warm-up")
    parser.add_argument("--steps", type=int, default=30, help="of RL: 32 problems, 8 responses each")
    parser.add_argument("--rate", type=float, default=3e-4, help="learning rate of RL")
    parser.add_argument("--test", type=int, default=300, help="held-out sums")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    settings = {name: value for name, value in vars(options).items() if name not in ("json", "seeds")}
    results = last("warming")
    for seed in options.seeds:
        if results.get("settings") != settings:
            results = {"settings": settings, "by_seed": {}}
        results["by_seed"][str(seed)] = one_seed(seed, options)
        results = {**summary(results["by_seed"]), "settings": settings, "by_seed": results["by_seed"]}
        keep("warming", results)
        print(json.dumps(results["by_seed"][str(seed)]), file=sys.stderr, flush=True)
    print(json.dumps(results, indent=None if options.json else 1))


if __name__ == "__main__":
    main()
