"""Verifiers of a tiny model on sums: on errors that were injected, and as what chooses the best of eight answers.

    python benchmarks/verifiers.py [--json] [--seeds 1 2 3] [--problems 500]

A tiny model learns sums from scratch, a little. From it start, for each seed: a verifier of answers, one of steps, and one of
answers whose labels were shuffled (the control), each trained on right solutions and ones with one injected error; and Likra:
two models of the same answers (`likra`), one of the wrong ones beside the model itself (`likra_negatives`), and shuffled labels.

`orm_auroc`, `prm_first_error_exact`: on right and wrong solutions of problems that nobody has seen; chance is .5 for the first, and
`first_error_chance` (the likeliest place of the first error, always said) for the second. `best_of_8_gain`: share of new
problems whose best of eight own answers by the verifier is right, less the mean share of right ones (a random choice); beside it
the same of the other verifiers, of the shuffled controls and of a majority vote (`best_of_8_gain_...`, with the 95 % interval of
Student's t over the seeds), and an oracle's share. Each seed is kept as it comes. Result: `benchmarks/results/verifiers.json`.

A verifier here is as small as its model, and errors of the model are others than those that were injected.
"""

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.shared.results import last
from benchmarks.shared.seeds import Figures, Seeds, mean

SAMPLES = 8
TINY = {"width": 96, "layers": 3, "heads": 3, "ffn": 256}
COMMON = {"device": "cpu", "max_length": 128, "batch_tokens": 1024, "heldout": 0.1, "learning_rate": 0.01}
MUON = {"kind": "muon", "adamw_learning_rate": 0.002}


def generator(problems: Sequence[Any], folder: Path, tokens: int, seed: int) -> Path:
    """Train the model whose answers are chosen among."""
    import pyarrow as pa

    from train_stages.config import SftConfig
    from train_stages.models.tiny import TinyConfig, create_base
    from train_stages.stages.sft import sft

    base = create_base(folder / "base", (f"{p.prompt}\n{p.solution}" for p in problems), config=TinyConfig(**TINY))
    chats = [[{"role": "user", "content": p.prompt}, {"role": "assistant", "content": p.solution}] for p in problems]
    config = SftConfig(
        budget_tokens=tokens, batch_tokens=1024, max_length=128, learning_rate=0.01, optimiser=MUON, device="cpu"
    )
    return sft(base, pa.table({"messages": chats}), folder / "generator", config, seed=seed).path


def train(parent: Path, rows: list[dict[str, Any]], loss: str, out: Path, epochs: float, seed: int) -> Path:
    import pyarrow as pa

    from train_stages.config import VerifierConfig
    from train_stages.stages.verifier import verifier

    config = VerifierConfig(loss=loss, epochs=epochs, optimiser=MUON, **COMMON)
    return verifier(parent, pa.Table.from_pylist(rows), out, config, seed=seed).path


def train_likra(parent: Path, rows: list[dict[str, Any]], right: str, out: Path, epochs: float, seed: int) -> Path:
    import pyarrow as pa

    from train_stages.config import LikraConfig
    from train_stages.stages.likra import likra

    config = LikraConfig.model_validate({"right": right, "epochs": epochs, "optimiser": MUON, **COMMON})
    return likra(parent, pa.Table.from_pylist(rows), out, config, seed=seed).path


def shuffled(rows: list[dict[str, Any]], seed: int) -> list[dict[str, Any]]:
    labels = [row["label"] for row in rows]
    random.Random(seed).shuffle(labels)
    return [{**row, "label": label} for row, label in zip(rows, labels, strict=True)]


def chances(checkpoint: Path, rows: list[dict[str, Any]], unit: str) -> list[list[float]]:
    """Scores of rows, logits, at each of their places; of two models, the one that their ratio is."""
    if unit == "ratio":
        from synth.engines.likelihood_ratio import RatioHead, answer_tokens

        head = RatioHead(checkpoint)
        return [[ratio] for ratio in head.ratios([answer_tokens(head.tokenizer, row["messages"]) for row in rows])]
    from train_stages.config import VerifierConfig
    from train_stages.stages.verifier import load_scoring
    from train_stages.verifying.encoding import encode_judged
    from train_stages.verifying.trainer import measure

    loss = {"answer": "outcome_bce", "step": "step_bce"}[unit]
    model, tokenizer = load_scoring(checkpoint, VerifierConfig(loss=loss, device="cpu"))
    judged, left_out = encode_judged(tokenizer, rows, unit, 512)
    scores = {encoded.row: score for encoded, (score, _) in zip(judged, measure(model, judged, 0, 8192), strict=True)}
    assert left_out == len(rows) - len(scores)
    return [scores.get(number, [-50.0]) for number in range(len(rows))]  # what holds no step is ranked last


def answers(checkpoint: Path, problems: Sequence[Any], seed: int) -> list[list[str]]:
    from synth.engines.sampler import Sampler

    chats = [[{"role": "user", "content": problem.prompt}] for problem in problems for _ in range(SAMPLES)]
    seeds = [seed * 10**6 + number for number in range(len(chats))]
    texts = [
        generation.text
        for generation in Sampler(checkpoint, device="cpu").generate(chats, temperature=1.0, max_tokens=64, seed=seeds)
    ]
    return [texts[start : start + SAMPLES] for start in range(0, len(texts), SAMPLES)]


def best_of(
    problems: Sequence[Any], sampled: list[list[str]], pick: Callable[[int], int], right: list[list[bool]]
) -> float:
    return sum(right[number][pick(number)] for number in range(len(problems))) / len(problems)


def choose(problems: Sequence[Any], sampled: list[list[str]], models: dict[str, tuple[Path, str]]) -> dict[str, float]:
    """Share of problems whose chosen answer is right, by who chooses."""
    import math

    from synth.answers.outcome import Outcome
    from synth.problems import get_task

    task = get_task("arithmetic")
    checks = [[task.check(problem, text) for text in texts] for problem, texts in zip(problems, sampled, strict=True)]
    right = [[check.outcome is Outcome.CORRECT for check in row] for row in checks]
    shares = {
        "chance": sum(sum(row) for row in right) / (len(problems) * SAMPLES),
        "oracle": sum(any(row) for row in right) / len(problems),
        "majority": best_of(problems, sampled, lambda n: _majority([check.answer for check in checks[n]]), right),
    }
    for name, (checkpoint, unit) in models.items():
        rows = [
            {"messages": [{"role": "user", "content": problem.prompt}, {"role": "assistant", "content": text}],
             "label": 0.0, "steps": (steps := task.steps(text)), "labels": [0.0] * len(steps)}
            for problem, texts in zip(problems, sampled, strict=True) for text in texts
        ]  # fmt: skip
        made = chances(checkpoint, rows, unit)
        scores = [row[0] if unit == "ratio" else sum(-math.log1p(math.exp(-s)) for s in row) for row in made]
        groups = [scores[start : start + SAMPLES] for start in range(0, len(scores), SAMPLES)]
        shares[name] = best_of(problems, sampled, lambda n, groups=groups: groups[n].index(max(groups[n])), right)
    return shares


def _majority(given: list[str | None]) -> int:
    counts = Counter(answer for answer in given if answer is not None)
    return given.index(counts.most_common(1)[0][0]) if counts else 0


def one_seed(seed: int, options: argparse.Namespace, folder: Path) -> dict[str, float]:
    from synth.problems.arithmetic import Arithmetic
    from train_stages.verifying.injected import injected_rows
    from train_stages.verifying.quality import auroc, first_error

    drawn = Arithmetic([1]).draw(2 * options.problems + 2 * options.test, seed=seed)
    taught, judged = drawn[: options.problems], drawn[options.problems : 2 * options.problems]
    unseen, asked = drawn[-2 * options.test : -options.test], drawn[-options.test :]
    model = generator(taught, folder, options.tokens, seed)
    rows = {unit: injected_rows(judged, unit, seed=seed) for unit in ("answer", "step")}
    orm = train(model, rows["answer"], "outcome_bce", folder / "orm", options.epochs, seed)
    prm = train(model, rows["step"], "step_bce", folder / "prm", options.epochs, seed)
    control = train(model, shuffled(rows["answer"], seed), "outcome_bce", folder / "control", options.epochs, seed)
    likras = {
        name: train_likra(model, listed, right, folder / name, options.epochs, seed)
        for name, listed, right in (
            ("likra", rows["answer"], "learned"),
            ("likra_negatives", rows["answer"], "parent"),
            ("likra_shuffled", shuffled(rows["answer"], seed), "learned"),
        )
    }
    held = {unit: injected_rows(unseen, unit, seed=seed + 100) for unit in ("answer", "step")}
    labels = [bool(row["label"]) for row in held["answer"]]
    truths = [first_error(row["labels"]) for row in held["step"]]
    predicted = [first_error(scores, 0.0) for scores in chances(prm, held["step"], "step")]
    shares = choose(
        asked,
        answers(model, asked, seed),
        {
            "orm": (orm, "answer"),
            "prm": (prm, "step"),
            "shuffled": (control, "answer"),
            **{name: (path, "ratio") for name, path in likras.items()},
        },
    )
    return {
        "orm_auroc": auroc([scores[0] for scores in chances(orm, held["answer"], "answer")], labels),
        "shuffled_auroc": auroc([scores[0] for scores in chances(control, held["answer"], "answer")], labels),
        **{
            f"{name}_auroc": auroc([scores[0] for scores in chances(path, held["answer"], "ratio")], labels)
            for name, path in likras.items()
        },
        "prm_first_error_exact": sum(a == b for a, b in zip(predicted, truths, strict=True)) / len(truths),
        "first_error_chance": Counter(truths).most_common(1)[0][1] / len(truths),
        **{f"best_of_8_{name}": share for name, share in shares.items()},
    }  # fmt: skip


def summary(seeds: Sequence[Figures]) -> Figures:
    """Means over the seeds, and what a verifier adds to a random choice with an interval over them."""
    means = {
        name: round(statistics.fmean(seed[name] for seed in seeds), 4)
        for name in seeds[0]
        if name not in ("machine", "date")
    }
    gains = {
        f"best_of_8_gain_{who}": mean([seed[f"best_of_8_{who}"] - seed["best_of_8_chance"] for seed in seeds])
        for who in ("orm", "prm", "likra", "shuffled", "majority")
    }
    return {
        **{name: means[name] for name in ("orm_auroc", "prm_first_error_exact")},
        "best_of_8_gain": gains["best_of_8_gain_orm"][0],
        **gains,
        "means": means,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3])
    parser.add_argument(
        "--problems", type=int, default=500, help="that the model learns from, and as many for its verifiers"
    )
    parser.add_argument(
        "--test", type=int, default=200, help="that nobody has seen: for AUROC, and as many for the best of eight"
    )
    parser.add_argument("--tokens", type=int, default=120_000, help="that the model learns from")
    parser.add_argument("--epochs", type=float, default=8.0, help="of each verifier")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    settings = {name: value for name, value in vars(options).items() if name not in ("json", "seeds")}
    kept = Seeds("verifiers", settings, summary)
    for seed in options.seeds:
        with tempfile.TemporaryDirectory() as folder:
            figures = one_seed(seed, options, Path(folder))
        kept.add(seed, {name: round(value, 4) for name, value in figures.items()})
    print(json.dumps(last("verifiers"), indent=None if options.json else 1))


if __name__ == "__main__":
    main()
