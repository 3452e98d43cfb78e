"""What the embedded default learns: a model from nothing, held-out problems by canonical structure. Toy scale, on a CPU.

    python benchmarks/learning.py tier1 --seed 0            # from random weights to the first arithmetic tier
    python benchmarks/learning.py puzzles --seed 0          # two- and three-person Knights and Knaves
    python benchmarks/learning.py rl --seed 0               # reinforcement learning after SFT, with its controls
    python benchmarks/learning.py --json                    # what was measured so far

CPU seconds are those of the training process (one thread). Each part adds its figures to `benchmarks/results/learning.json`
under its name and seed; docs/experiments.md tells what came out. Intervals are 95 %: Wilson, clustered by structure where
several items share one; differences by a paired bootstrap over problems.
"""

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pyarrow as pa

from benchmarks.shared.results import circumstances, keep, last
from storage.ids import digest
from synth.engines.sampler import Sampler
from synth.problems import get_task
from synth.problems.arithmetic import Arithmetic
from synth.problems.base import Problem
from synth.problems.holdout import structure_ids
from synth.problems.knights_knaves import KnightsKnaves
from train_stages.config import CptConfig, RlConfig, SftConfig
from train_stages.models.tiny import TinyConfig, create_base
from train_stages.promotion.evaluate import EvaluateConfig, Evaluation, evaluate
from train_stages.promotion.promote import keep_rl
from train_stages.stages.cpt import cpt
from train_stages.stages.rl import rl
from train_stages.stages.sft import sft

COMMON: dict[str, Any] = {"batch_tokens": 1024, "max_length": 256, "device": "cpu"}
SMALL = TinyConfig()
FOLDER = Path(os.environ.get("LEARNING_FOLDER", "/tmp/nightschool-learning"))
"""Where checkpoints go; a stage that is there is not made again."""


def muon(rest: float) -> dict[str, Any]:
    """Muon, with the learning rate of what is no matrix."""
    return {"kind": "muon", "adamw_learning_rate": rest}


@dataclass
class Run:
    """One model on its way, with the CPU time that went into it."""

    path: Path
    cpu: float = 0.0
    tokens: int = 0
    stages: list[dict[str, Any]] = field(default_factory=list)

    def then(self, name: str, make: Any, data: Any, config: Any, seed: int, **more: Any) -> "Run":
        """Run a stage on top, unless it is there already."""
        out = (
            FOLDER
            / f"{name}-{digest(str(self.path), config.model_dump(mode='json'), seed, more.get('mark', ''), length=12)}"
        )
        facts = out.with_suffix(".facts.json")
        if not facts.exists():
            started, wall = time.process_time(), time.monotonic()
            result = make(self.path, data, out, config, seed=seed)
            record = {
                "stage": name,
                "cpu_seconds": round(time.process_time() - started, 1),
                "seconds": round(time.monotonic() - wall, 1),
                "tokens": result.tokens,
                "metrics": {key: round(value, 4) for key, value in result.metrics.items()},
            }
            facts.write_text(json.dumps(record), encoding="utf-8")
        record = json.loads(facts.read_text(encoding="utf-8"))
        print(
            f"{name}: {record['cpu_seconds']} CPU s, {record['tokens']:,} tokens, {record['metrics']}", file=sys.stderr
        )
        return Run(out, self.cpu + record["cpu_seconds"], self.tokens + record["tokens"], [*self.stages, record])


def chat(problem: Problem) -> list[dict[str, str]]:
    """A problem with its worked solution."""
    solution = get_task(problem.task).solve(problem)
    return [{"role": "user", "content": problem.prompt}, {"role": "assistant", "content": str(solution)}]


def from_nothing(problems: Sequence[Problem], seed: int, config: TinyConfig) -> Run:
    """Random weights and a vocabulary."""
    path = FOLDER / f"base-{digest(config.model_dump(), seed, [p.id for p in problems[:300]], length=12)}"
    started = time.process_time()
    if not path.exists():
        create_base(path, ("\n".join(m["content"] for m in chat(p)) for p in problems), seed=seed, config=config)
    return Run(path, time.process_time() - started)


def ask(
    run: Run, problems: Sequence[Problem], seed: int, *, temperature: float = 1.0, samples: int = 8, tokens: int = 160
) -> Evaluation:
    """Evaluate greedily and sampled, with so many tokens for an answer."""
    config = EvaluateConfig(samples=samples, temperature=temperature, max_tokens=tokens, device="cpu", batch_rows=512)
    return evaluate(run.path, problems, config, seed=seed, sampler=Sampler(run.path, device="cpu", batch_rows=512))


def scores(evaluation: Evaluation) -> list[dict[str, Any]]:
    """An evaluation as JSON values."""
    return [
        {
            "task": score.task,
            "tier": score.tier,
            "items": score.problems,
            "greedy": share(score.greedy),
            "avg": share(score.average) if score.average else None,
            "pass": {str(k): round(value.value, 4) for k, value in score.pass_at},
        }
        for score in evaluation.scores
    ]


def share(value: Any) -> list[float]:
    """A share with its interval."""
    return [round(value.value, 4), round(value.low, 4), round(value.high, 4)]


def texts(problems: Sequence[Problem]) -> pa.Table:
    """Problems and solutions as plain text."""
    return pa.table({"text": ["\n".join(message["content"] for message in chat(p)) for p in problems]})


def chats(problems: Sequence[Problem]) -> pa.Table:
    """Problems and solutions as chats."""
    return pa.table({"messages": [chat(problem) for problem in problems]})


def tier1_sets(seed: int, heldout: int = 600, train: int = 2000) -> tuple[list[Problem], list[Problem]]:
    """Held-out problems first, then problems of other structures."""
    held = Arithmetic([1]).draw(heldout, seed=1000 + seed)
    return held, Arithmetic([1]).draw(train, seed=seed, exclude=structure_ids(held))


def tier1_model(seed: int, train: Sequence[Problem], sft_tokens: int) -> Run:
    """The demo's recipe: CPT on plain text, then SFT."""
    run = from_nothing(train, seed, SMALL)
    first = CptConfig(budget_tokens=60_000, learning_rate=0.02, optimiser=muon(0.003), schedule={"decay": 0}, **COMMON)
    run = run.then("cpt", cpt, texts(train), first, seed)
    second = SftConfig(budget_tokens=sft_tokens, learning_rate=0.01, optimiser=muon(0.002), **COMMON)
    return run.then("sft", sft, chats(train), second, seed)


def tier1(seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """From nothing to the first tier."""
    held, train = tier1_sets(seed)
    run = tier1_model(seed, train, options.sft_tokens or 340_000)
    evaluation = ask(run, held, seed, samples=4)
    return {"cpu_seconds": round(run.cpu, 1), "tokens": run.tokens, "train": len(train), "scores": scores(evaluation)}


def puzzle_sets(seed: int, drawn: int = 6000, two: int = 30, wordings: int = 8) -> tuple[list[Problem], list[Problem]]:
    """Puzzles in several wordings: of the 95 two-person structures `two` are held out, of three people 150.

    Those held out are set aside first; then `drawn` three-person puzzles, each of another structure, are drawn to learn from.
    """
    pairs = KnightsKnaves((2,), "compact").draw(95, seed=seed)
    threes = KnightsKnaves((3,), "compact").draw(150, seed=seed)
    kept = structure_ids([*pairs[:two], *threes])
    held: dict[str, Problem] = {}
    for draw in range(wordings):
        for problem in KnightsKnaves((2,), "compact").draw(95, seed=5000 + seed * 100 + draw):
            if problem.structure_id in kept:
                held.setdefault(problem.id, problem)
    held |= {problem.id: problem for problem in threes}
    train: dict[str, Problem] = {}
    for draw in range(30):
        pairs = KnightsKnaves((2,), "compact").draw(95, seed=9000 + seed * 100 + draw, exclude=kept)
        train |= {problem.id: problem for problem in pairs}
    train |= {p.id: p for p in KnightsKnaves((3,), "compact").draw(drawn, seed=77 + seed, exclude=kept)}
    return list(held.values()), list(train.values())


def puzzles(seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Two- and three-person puzzles, one model: first two people alone, then both, the learning rate falling in the last piece."""
    held, train = puzzle_sets(seed, options.threes)
    if options.people:
        train = [problem for problem in train if problem.tier == options.people]
    size = TinyConfig(width=options.width, layers=options.layers, heads=options.width // 32, ffn=options.width * 8 // 3)
    run = from_nothing(train, seed, size)
    pairs = [problem for problem in train if problem.tier == 2]
    if options.warm_up:
        config = SftConfig(
            budget_tokens=options.warm_up,
            learning_rate=options.puzzle_rate,
            optimiser=muon(0.003),
            schedule={"decay": 0},
            **COMMON,
        )
        run = run.then("sft-pairs", sft, chats(pairs), config, seed, mark=len(pairs))
    train = [*train, *pairs * (options.pairs - 1)]
    pieces, tokens = options.pieces, options.sft_tokens or 1_700_000
    for piece in range(pieces):
        last = piece == pieces - 1
        config = SftConfig(
            budget_tokens=tokens,
            learning_rate=options.puzzle_rate,
            optimiser=muon(0.003),
            schedule={"decay": 0.9 if last else 0},
            order=options.order,
            **{**COMMON, "batch_tokens": options.batch_tokens},
        )
        run = run.then(f"sft{piece}", sft, chats(train), config, seed + 100 * piece, mark=len(train))
    evaluation = ask(run, held, seed, samples=4)
    distinct = dict(Counter(str(problem.tier) for problem in {problem.id: problem for problem in train}.values()))
    return {
        "model": size.model_dump(mode="json"), "pieces": pieces, "distinct": distinct,
        "cpu_seconds": round(run.cpu, 1), "tokens": run.tokens, "train": len(train), "people": options.people or [2, 3],
        "structures": {str(n): len({p.structure_id for p in held if p.tier == n}) for n in (2, 3)},
        "scores": scores(evaluation),
    }  # fmt: skip


def reinforce(seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """RL after SFT, beside the same CPU time of further SFT, and SFT sampled at lower temperatures.

    With few `--demonstrations` both kinds of SFT have only those, while RL draws fresh problems that nobody has solved.
    """
    held, train = tier1_sets(seed, heldout=400, train=options.demonstrations)
    start = tier1_model(seed, train, options.sft_tokens or 300_000)
    fresh = Arithmetic([1]).draw(8000, seed=300 + seed, exclude=structure_ids(held))
    config = RlConfig(
        steps=options.steps, prompts_per_step=32, samples=8, max_tokens=40, max_length=256, device="cpu",
        learning_rate=options.rate, loss={"beta": options.beta}, temperature=options.temperature,
        resampling=options.resampling,
    )  # fmt: skip
    learned = start.then("rl", rl, fresh, config, seed)
    spent = learned.stages[-1]["cpu_seconds"]
    speed = start.stages[-1]["tokens"] / start.stages[-1]["cpu_seconds"]
    more = SftConfig(
        budget_tokens=round(speed * spent),
        learning_rate=options.more_rate,
        optimiser=muon(0.001),
        schedule={"decay": 0.9},
        **COMMON,
    )
    control = start.then("more-sft", sft, chats(train), more, seed)
    before, after, longer = (ask(run, held, seed) for run in (start, learned, control))
    colder = {str(t): ask(start, held, seed, temperature=t, samples=4) for t in (0.7, 0.5)}
    cold_rl = {str(t): ask(learned, held, seed, temperature=t, samples=4) for t in (0.7, 0.5)}
    return {
        "config": config.model_dump(mode="json", exclude_defaults=True),
        "cpu_seconds": {"sft": round(start.cpu, 1), "rl": spent, "more_sft": control.stages[-1]["cpu_seconds"]},
        "items": len(held), "demonstrations": len(train),
        "sft": scores(before), "rl": scores(after), "more_sft": scores(longer),
        "sft_colder": {t: scores(evaluation) for t, evaluation in colder.items()},
        "rl_colder": {t: scores(evaluation) for t, evaluation in cold_rl.items()},
        "rl_minus_sft": difference(before, after),
        "rl_minus_more_sft": difference(longer, after),
        "rl_minus_sft_colder": {t: difference(evaluation, after) for t, evaluation in colder.items()},
        "both_colder": {t: difference(evaluation, cold_rl[t]) for t, evaluation in colder.items()},
    }  # fmt: skip


def difference(before: Evaluation, after: Evaluation) -> dict[str, Any]:
    """The sampled difference with its interval, and the greedy answers, paired."""
    kept = keep_rl(before.rows, after.rows)
    test = kept.greedy.test
    return {
        "sampled": [round(kept.after - kept.before, 4), round(kept.low, 4), round(kept.high, 4)],
        "greedy": {"gained": test.gained, "lost": test.lost, "p": round(test.p, 4)},
    }


PARTS = {"tier1": tier1, "puzzles": puzzles, "rl": reinforce}


def main() -> None:
    """Measure a part, add it to the results, and print them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("part", nargs="?", choices=sorted(PARTS))
    parser.add_argument("--json", action="store_true", help="print the JSON object only")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--name", help="name of the figures [default: the part]")
    parser.add_argument("--sft-tokens", type=int)
    parser.add_argument("--pieces", type=int, default=2, help="puzzles: pieces of --sft-tokens each")
    parser.add_argument("--threes", type=int, default=20_000, help="puzzles: three-person puzzles to learn from")
    parser.add_argument("--width", type=int, default=96, help="puzzles: width of the model, in heads of 32")
    parser.add_argument("--layers", type=int, default=3, help="puzzles: layers of the model")
    parser.add_argument("--pairs", type=int, default=12, help="puzzles: copies of each two-person puzzle in the mix")
    parser.add_argument(
        "--warm-up", type=int, default=400_000, help="puzzles: tokens of two-person puzzles alone at first"
    )
    parser.add_argument("--order", default="random", choices=["random", "two_set"], help="puzzles: order of the rows")
    parser.add_argument("--puzzle-rate", type=float, default=0.005, help="puzzles: learning rate of Muon")
    parser.add_argument("--batch-tokens", type=int, default=1024, help="puzzles: tokens in a step")
    parser.add_argument("--people", type=int, help="puzzles: only puzzles of so many people are learned")
    parser.add_argument("--steps", type=int, default=60, help="rl: steps of 32 problems")
    parser.add_argument("--rate", type=float, default=2e-4, help="rl: learning rate")
    parser.add_argument("--beta", type=float, default=0.0, help="rl: weight of the KL term")
    parser.add_argument("--temperature", type=float, default=1.0, help="rl: temperature of the rollouts")
    parser.add_argument("--demonstrations", type=int, default=2000, help="rl: worked solutions that SFT has")
    parser.add_argument("--resampling", default="none", choices=["none", "history", "dynamic"], help="rl: see the docs")
    parser.add_argument("--more-rate", type=float, default=0.005, help="rl: learning rate of further SFT")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    result = PARTS[options.part](options.seed, options) if options.part else None
    results = last("learning")
    if result is not None:
        result |= circumstances()
        results.setdefault(options.name or options.part, {})[str(options.seed)] = result
        keep("learning", results)
        print(json.dumps(result, indent=None if options.json else 1))
    else:
        print(json.dumps(results, indent=None if options.json else 1))


if __name__ == "__main__":
    main()
