"""SASR on a toy: steps that choose between SFT and RL, against either alone and a fixed share, at equal steps.

    python benchmarks/switching.py [--json] [--seeds 1 2 3] [--steps 40]

A tiny model learns sums from scratch, a little. Four arms go on from it on the same 300 new sums, which have worked solutions, in
as many optimiser steps of one trainer: `sasr`; `half` of the steps supervised, by chance (the control); `sft`, all of them; `rl`,
none. Scored on held-out sums: greedy answers, and avg@4 at temperature 1. `sasr_minus_half_greedy` and its like are means of the
differences over the seeds, with the 95 % interval of Student's t. A supervised step is far cheaper than one of RL: equal steps are
not equal time; `supervised_share` and `cpu_seconds` say so. Each seed is kept as it comes.
Result: `benchmarks/results/switching.json`.
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

from benchmarks.learning import ask, from_nothing
from benchmarks.shared.results import last
from benchmarks.shared.seeds import Figures, Seeds, mean
from benchmarks.warming import supervised
from synth.problems.arithmetic import Arithmetic
from synth.problems.holdout import structure_ids
from train_stages.config import RlConfig
from train_stages.models.tiny import TinyConfig
from train_stages.stages.rl import rl

ARMS: dict[str, Any] = {
    "sasr": "sasr",
    "half": {"kind": "share", "supervised": 0.5},
    "sft": {"kind": "share", "supervised": 1.0},
    "rl": None,
}


def one_seed(seed: int, options: argparse.Namespace) -> Figures:
    sums = Arithmetic([1])
    held = sums.draw(options.test, seed=1000 + seed)
    target = sums.draw(300, seed=2000 + seed, exclude=structure_ids(held))
    known = sums.draw(1500, seed=seed, exclude=structure_ids([*held, *target]))
    start = supervised(known, from_nothing(known, seed, TinyConfig()), "start", options.start_tokens, 0.01, seed)
    runs = {"start": start}
    for name, switch in ARMS.items():
        config = RlConfig(
            steps=options.steps, prompts_per_step=32, samples=8, max_tokens=48, max_length=256, device="cpu",
            learning_rate=options.rate, difficulty="all", switch=switch,
        )  # fmt: skip
        runs[name] = start.then(name, rl, target, config, seed)
    answers = {name: ask(run, held, seed, samples=4, tokens=64) for name, run in runs.items()}
    return {
        "greedy": {name: round(given.scores[0].greedy.value, 4) for name, given in answers.items()},
        "sampled": {name: round(given.scores[0].average.value, 4) for name, given in answers.items()},
        "cpu_seconds": {name: round(runs[name].stages[-1]["cpu_seconds"]) for name in ARMS},
        "supervised_share": share(runs["sasr"].path),
    }


def share(model: Path) -> float:
    """The share of its steps that a switched training took on worked solutions."""
    history = json.loads((model / "training.json").read_text(encoding="utf-8"))["history"]
    taken = [entry["behaviour/supervised_steps"] for entry in history if "behaviour/supervised_steps" in entry]
    return round(statistics.fmean(taken), 3)


def summary(seeds: Sequence[Figures]) -> Figures:
    """Means over the seeds, and the differences with an interval over them."""
    result: Figures = {}
    for metric in ("greedy", "sampled"):
        for old, new in (("half", "sasr"), ("sft", "sasr"), ("rl", "sasr"), ("start", "sft"), ("start", "rl")):
            apart = [seed[metric][new] - seed[metric][old] for seed in seeds]
            result[f"{new}_minus_{old}_{metric}"] = mean(apart)
        result[metric] = {
            name: round(statistics.fmean(seed[metric][name] for seed in seeds), 4) for name in seeds[0][metric]
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3])
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rate", type=float, default=3e-4)
    parser.add_argument("--start-tokens", type=int, default=200_000)
    parser.add_argument("--test", type=int, default=300, help="held-out sums")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    settings = {name: value for name, value in vars(options).items() if name not in ("json", "seeds")}
    kept = Seeds("switching", settings, summary)
    for seed in options.seeds:
        kept.add(seed, one_seed(seed, options))
    print(json.dumps(last("switching"), indent=None if options.json else 1))


if __name__ == "__main__":
    main()
