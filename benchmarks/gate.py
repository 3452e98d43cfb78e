"""The promotion gate under simulation: how often equal models, a loss and a gain are promoted, refused or left undecided.

    python benchmarks/gate.py [--json] [--items 1200] [--simulations 1000] [--no-real]

Two models answer the same items. An item has a difficulty that both share and a part that each model has of its own; `rho` is
the correlation of the two (tetrachoric, of the answers). A planted change moves the candidate's ability so that its true
accuracy differs by 5 points. Every comparison goes through `train_stages.promotion.promote.compare` with its defaults, guards
included, on two tiers.

`gate_aa_promoted`: share of comparisons of equal models that are promoted, the worst scenario; at most .05.
`gate_loss_refused`: share of planted losses of 5 points that are refused, the worst scenario; at least .95.
`gate_gain_promoted`: share of planted gains of 5 points that are promoted, the worst scenario; docs/promotion.md states it.
`power`: the same by number of items, at accuracy .5 and rho .7, which decides the recipes' `heldout`.
`real_aa_promoted`: 200 comparisons of a tiny model with itself, both sampled at T=1 with other seeds.

The result goes to `benchmarks/results/gate.json`.
"""

import argparse
import json
import math
import sys
import tempfile
import time
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.shared.results import circumstances, keep
from train_stages.promotion.promote import PromoteConfig, compare

NORMAL = NormalDist()
ACCURACIES = (0.3, 0.5, 0.8)
RHOS = (0.5, 0.7, 0.9)
ITEMS = (200, 400, 600, 800, 1000, 1200, 1600, 2000)
EFFECT = 0.05


def table(correct: np.ndarray) -> pa.Table:
    """Greedy rows of one evaluation: half of the items of each of two tiers."""
    n = len(correct)
    return pa.table(
        {
            "problem_id": [f"p{number}" for number in range(n)],
            "task": ["arithmetic"] * n,
            "tier": [1 + number % 2 for number in range(n)],
            "mode": ["greedy"] * n,
            "outcome": ["correct" if right else "wrong" for right in correct],
        }
    )


def simulate(accuracy: float, effect: float, rho: float, items: int, simulations: int, seed: int) -> dict[str, float]:
    """Shares of the outcomes when the candidate's true accuracy differs by `effect`."""
    rng = np.random.default_rng([seed, items, int(accuracy * 100), int(1000 + effect * 1000), int(rho * 100)])
    thresholds = (NORMAL.inv_cdf(accuracy), NORMAL.inv_cdf(accuracy + effect))
    counts = {"promoted": 0, "refused": 0, "undecided": 0}
    for _ in range(simulations):
        shared = rng.standard_normal(items) * math.sqrt(rho)
        answers = [shared + rng.standard_normal(items) * math.sqrt(1 - rho) < threshold for threshold in thresholds]
        counts[compare(table(answers[0]), table(answers[1])).outcome] += 1
    return {name: count / simulations for name, count in counts.items()}


def real_answers(samples: int, problems: int) -> np.ndarray:
    """Answers of a tiny model that half learned its task: problems x samples at T=1."""
    import torch

    from synth.engines.sampler import Sampler
    from synth.problems import get_task
    from synth.problems.arithmetic import Arithmetic
    from train_stages.config import SftConfig
    from train_stages.models.tiny import create_base
    from train_stages.stages.sft import sft

    torch.set_num_threads(1)
    drawn = Arithmetic([1]).draw(2000 + problems, seed=7)
    chats = [
        [{"role": "user", "content": p.prompt}, {"role": "assistant", "content": p.solution}] for p in drawn[problems:]
    ]
    with tempfile.TemporaryDirectory() as folder:
        base = create_base(Path(folder) / "base", (f"{p.prompt}\n{p.solution}" for p in drawn))
        config = SftConfig(
            budget_tokens=230_000, batch_tokens=1024, max_length=256, optimiser="muon", learning_rate=0.02, device="cpu"
        )
        model = sft(base, pa.table({"messages": chats}), Path(folder) / "sft", config).path
        asked = [[{"role": "user", "content": p.prompt}] for p in drawn[:problems] for _ in range(samples)]
        generations = Sampler(model, device="cpu").generate(asked, temperature=1.0, max_tokens=48, seed=11)
    about = [p for p in drawn[:problems] for _ in range(samples)]
    right = [
        get_task("arithmetic").check(p, g.text).outcome == "correct" for p, g in zip(about, generations, strict=True)
    ]
    return np.array(right).reshape(problems, samples)


def real(comparisons: int, items: int = 300, samples: int = 16) -> dict[str, Any]:
    """Compare a tiny model with itself, each time on other items and other samples."""
    answers = real_answers(samples, 1000)
    rng = np.random.default_rng(5)
    counts = {"promoted": 0, "refused": 0, "undecided": 0}
    for _ in range(comparisons):
        chosen = rng.choice(len(answers), items, replace=False)
        order = rng.permuted(np.tile(np.arange(samples), (items, 1)), axis=1)
        before, after = answers[chosen, order[:, 0]], answers[chosen, order[:, 1]]
        counts[compare(table(before), table(after)).outcome] += 1
    return {
        "real_aa_promoted": counts["promoted"] / comparisons,
        "real_aa": {"comparisons": comparisons, "items": items, "accuracy": round(float(answers.mean()), 3), **counts},
    }


def measure(items: int, simulations: int, with_real: bool) -> dict[str, Any]:
    """Run every scenario."""
    scenarios = []
    for accuracy in ACCURACIES:
        for rho in RHOS:
            line: dict[str, Any] = {"accuracy": accuracy, "rho": rho, "disagree": round(disagreement(accuracy, rho), 3)}
            for name, effect in (("equal", 0.0), ("loss", -EFFECT), ("gain", EFFECT)):
                line[name] = simulate(accuracy, effect, rho, items, simulations, seed=1)
            scenarios.append(line)
            print(line, file=sys.stderr)
    power = {
        str(n): {
            "equal_promoted": simulate(0.5, 0.0, 0.7, n, simulations, seed=2)["promoted"],
            "loss_refused": simulate(0.5, -EFFECT, 0.7, n, simulations, seed=2)["refused"],
            "gain_promoted": simulate(0.5, EFFECT, 0.7, n, simulations, seed=2)["promoted"],
        }
        for n in ITEMS
    }
    return {
        "gate_aa_promoted": max(line["equal"]["promoted"] for line in scenarios),
        "gate_loss_refused": min(line["loss"]["refused"] for line in scenarios),
        "gate_loss_promoted": max(line["loss"]["promoted"] for line in scenarios),
        "gate_gain_promoted": min(line["gain"]["promoted"] for line in scenarios),
        "items": items,
        "simulations": simulations,
        "effect": EFFECT,
        "config": PromoteConfig().model_dump(mode="json"),
        "scenarios": scenarios,
        "power": power,
        **(real(200) if with_real else {}),
    }


def disagreement(accuracy: float, rho: float) -> float:
    """Share of items that two equal models answer differently, by a fixed large draw."""
    rng = np.random.default_rng(0)
    shared = rng.standard_normal(200_000) * math.sqrt(rho)
    cut = NORMAL.inv_cdf(accuracy)
    first, second = (shared + rng.standard_normal(200_000) * math.sqrt(1 - rho) < cut for _ in range(2))
    return float((first != second).mean())


def main() -> None:
    """Measure, write the result and print it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print the JSON object only")
    parser.add_argument("--items", type=int, default=1200)
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--real", action=argparse.BooleanOptionalAction, default=True)
    options = parser.parse_args()
    started = time.perf_counter()
    result = {**measure(options.items, options.simulations, options.real), **circumstances()}
    keep("gate", result)
    print(json.dumps(result, indent=None if options.json else 2))
    print(f"{time.perf_counter() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
