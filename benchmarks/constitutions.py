"""SAMI on a toy: a model that hardly follows a principle learns from its own answers, without a preference.

    python benchmarks/constitutions.py [--json] [--seeds 1 2 3] [--epochs 4]

A tiny model learns sums that are asked with one of two principles, to write a line for each step or one paragraph; in its data an
answer follows its principle in 65 % of the rows. It then answers other sums under both principles, once each at temperature 1; what
is right by the checker is learned from, in three arms from the same start, on the same tokens:

* `sami`: the loss `sami`, which is told under which principle each answer was written, and nothing else;
* `by_lot`: the same, the principles of each pair exchanged by a coin (the control: nothing to learn);
* `sft`: fine-tuning on the same answers, each under its own principle (self-imitation).

`follows`: share of answers to 200 further sums, asked under both principles at temperature 1, that have the form asked for;
`right`: share that is right. `sami_minus_by_lot` with the 95 % interval of Student's t over the seeds. Toy scale: nothing is said
about real models. Result: `benchmarks/results/constitutions.json`.
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

import pyarrow as pa

from benchmarks.shared.results import last
from benchmarks.shared.seeds import Figures, Seeds, mean
from synth.answers.outcome import Outcome
from synth.engines.sampler import Sampler
from synth.problems import get_task
from synth.problems.arithmetic import Arithmetic
from synth.problems.base import Problem
from train_stages.config import PreferenceConfig, SftConfig
from train_stages.models.tiny import TinyConfig, create_base
from train_stages.stages.preference import preference
from train_stages.stages.sft import sft

PRINCIPLES = ("Write lines.", "Write a paragraph.")
FOLLOWED = 0.65
ARMS = ("sami", "by_lot", "sft")
COMMON: dict[str, Any] = {"device": "cpu", "max_length": 256, "batch_tokens": 2048}
Chat = list[dict[str, str]]


def asked(problem: Problem, principle: int) -> Chat:
    return [{"role": "user", "content": f"{problem.prompt}\n{PRINCIPLES[principle]}"}]


def written(text: str) -> Chat:
    return [{"role": "assistant", "content": text}]


def solution(problem: Problem, form: int) -> str:
    """A right solution, in lines or in a paragraph before the line of the answer."""
    steps, answer = str(problem.solution).rsplit("\n", 1)
    return f"{'; '.join(steps.splitlines()) if form else steps}\n{answer}"


def form_of(text: str) -> int:
    return int(";" in text)


def start(problems: Sequence[Problem], folder: Path, seed: int, tokens: int) -> Path:
    """The model that hardly follows."""
    rng, chats = random.Random(seed), []
    for problem in problems:
        for principle in (0, 1):
            form = principle if rng.random() < FOLLOWED else 1 - principle
            chats.append(asked(problem, principle) + written(solution(problem, form)))
    texts = ["\n".join(turn["content"] for turn in chat) for chat in chats]
    base = create_base(folder / "base", texts, config=TinyConfig(width=96, layers=3, heads=3, ffn=256))
    muon = {"kind": "muon", "adamw_learning_rate": 0.002}
    config = SftConfig(budget_tokens=tokens, optimiser=muon, learning_rate=0.01, **COMMON)
    return sft(base, pa.table({"messages": chats}), folder / "start", config, seed=seed).path


def answers(model: Path, problems: Sequence[Problem], seed: int) -> list[tuple[str, str]]:
    """An answer to each problem under both principles."""
    chats = [asked(problem, principle) for problem in problems for principle in (0, 1)]
    seeds = [seed * 10**6 + number for number in range(len(chats))]
    made = [
        one.text for one in Sampler(model, device="cpu").generate(chats, temperature=1.0, max_tokens=96, seed=seeds)
    ]
    return list(zip(made[::2], made[1::2], strict=True))


def right(problem: Problem, text: str) -> bool:
    return get_task(problem.task).check(problem, text).outcome is Outcome.CORRECT


def trained(
    name: str, model: Path, pairs: Sequence[tuple[Problem, str, str]], out: Path, seed: int, options: argparse.Namespace
) -> tuple[Path, int]:
    """Train an arm; the checkpoint and the tokens that it was trained on."""
    rng, rows = random.Random(seed), []
    for problem, first, second in pairs:
        prompts = [asked(problem, 0), asked(problem, 1)]
        if name == "by_lot" and rng.random() < 0.5:
            prompts.reverse()
        rows.append(
            {"prompt": prompts[0], "other_prompt": prompts[1], "chosen": written(first), "rejected": written(second)}
        )
    if name == "sft":
        chats = [
            row[prompt] + row[side]
            for row in rows
            for prompt, side in (("prompt", "chosen"), ("other_prompt", "rejected"))
        ]
        tuning = SftConfig(
            epochs=2 * options.epochs, learning_rate=options.rate, **COMMON
        )  # a pair is four texts for sami
        result = sft(model, pa.table({"messages": chats}), out, tuning, seed=seed)
    else:
        config = PreferenceConfig(loss="sami", epochs=options.epochs, learning_rate=options.rate, **COMMON)
        result = preference(model, pa.Table.from_pylist(rows), out, config, seed=seed)
    return result.path, result.tokens


def measured(model: Path, problems: Sequence[Problem], seed: int) -> dict[str, float]:
    made = answers(model, problems, seed)
    follows = [form_of(text) == principle for pair in made for principle, text in enumerate(pair)]
    solved = [right(problem, text) for problem, pair in zip(problems, made, strict=True) for text in pair]
    return {"follows": round(statistics.fmean(follows), 4), "right": round(statistics.fmean(solved), 4)}


def one_seed(seed: int, options: argparse.Namespace) -> dict[str, Any]:
    drawn = Arithmetic([1]).draw(600 + options.problems + 200, seed=seed)
    known, own, test = drawn[:600], drawn[600 : 600 + options.problems], drawn[-200:]
    with tempfile.TemporaryDirectory() as folder:
        model = start(known, Path(folder), seed, options.start_tokens)
        both = zip(own, answers(model, own, seed + 100), strict=True)
        pairs = [(p, *pair) for p, pair in both if all(right(p, text) for text in pair) and pair[0] != pair[1]]
        result: dict[str, Any] = {"start": measured(model, test, seed + 200), "pairs": len(pairs)}
        for name in ARMS:
            path, tokens = trained(name, model, pairs, Path(folder) / name, seed, options)
            result[name] = {**measured(path, test, seed + 200), "tokens": tokens}
        return result


def summary(seeds: Sequence[Figures]) -> Figures:
    """Means over the seeds, and the differences with an interval over them."""

    def minus(other: str, figure: str) -> list[float]:
        return mean([seed["sami"][figure] - seed[other][figure] for seed in seeds])

    return {
        "sami_minus_by_lot": minus("by_lot", "follows"),
        "sami_minus_sft": minus("sft", "follows"),
        "sami_minus_start_right": minus("start", "right"),
        "means": {
            name: {f: round(statistics.fmean(seed[name][f] for seed in seeds), 4) for f in ("follows", "right")}
            for name in ("start", *ARMS)
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3])
    parser.add_argument("--problems", type=int, default=400, help="sums that the model answers for itself")
    parser.add_argument("--epochs", type=float, default=4.0, help="of the pairs")
    parser.add_argument(
        "--rate", type=float, default=3e-4, help="learning rate of every arm, AdamW; the first that was tried"
    )
    parser.add_argument("--start-tokens", type=int, default=400_000)
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    settings = {name: value for name, value in vars(options).items() if name not in ("json", "seeds")}
    kept = Seeds("constitutions", settings, summary)
    for seed in options.seeds:
        kept.add(seed, one_seed(seed, options))
    print(json.dumps(last("constitutions"), indent=None if options.json else 1))


if __name__ == "__main__":
    main()
