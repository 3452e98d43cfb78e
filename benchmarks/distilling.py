"""On-policy distillation of a tiny model against SFT on the teacher's texts, at equal tokens.

    python benchmarks/distilling.py [--json] [--seeds 1 2 3] [--steps 60]

For each seed a tiny model learns sums from scratch twice: the teacher for long, the student for a little. From the student start
two arms on the same new problems: `distil` (the stage, reverse KL, on the student's own responses) and `sft` (on one text of the
teacher to each problem, sampled at temperature 1), which is given as many tokens as the first went through, prompts included.
Each arm's learning rate is the best of three on seed 0, which is not reported (`tuning`). Each seed is kept as it comes.

`distil_vs_sft`: greedy accuracy of the first less that of the second on problems that nobody has seen, a mean over the seeds with
the 95 % interval of Student's t over them; `by_seed` has each, the teacher's and the student's too. The SFT costs its teacher's
sampling, the distillation the student's sampling and the teacher's pass over it: equal tokens are not equal time.

Both models are of one size, and know a single task: nothing is said about real ones. Result: `benchmarks/results/distilling.json`.
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

from benchmarks.learning import Run, from_nothing
from benchmarks.shared.results import last
from benchmarks.shared.seeds import Figures, Seeds, mean
from benchmarks.verifiers import MUON, TINY
from storage.ids import digest
from synth.problems.arithmetic import Arithmetic
from synth.problems.base import Problem
from train_stages.config import DistilConfig, SftConfig
from train_stages.models.tiny import TinyConfig
from train_stages.stages.distil import distil
from train_stages.stages.sft import sft

PROMPTS = 64
RATES = {"distil": (0.0003, 0.001, 0.003), "sft": (0.003, 0.01, 0.02)}
"""Learning rates that are tried on the seed that is not reported."""
ARMS = ("distil", "sft")


def fine_tuned(
    run: Run, name: str, problems: Sequence[Problem], texts: Sequence[str], seed: int, **options: Any
) -> Run:
    """A model after SFT on one text to each problem."""
    import pyarrow as pa

    chats = [
        [{"role": "user", "content": problem.prompt}, {"role": "assistant", "content": text}]
        for problem, text in zip(problems, texts, strict=True)
    ]
    config = SftConfig(batch_tokens=1024, max_length=128, optimiser=MUON, device="cpu", **options)
    return run.then(name, sft, pa.table({"messages": chats}), config, seed, mark=digest(chats))


def answers(model: Path, problems: Sequence[Any], temperature: float, seed: int = 0) -> list[str]:
    from synth.engines.sampler import Sampler

    chats = [[{"role": "user", "content": problem.prompt}] for problem in problems]
    seeds = [seed * 10**6 + number for number in range(len(chats))]
    replies = Sampler(model, device="cpu").generate(chats, temperature=temperature, max_tokens=64, seed=seeds)
    return [answer.text for answer in replies]


def accuracy(model: Path, problems: Sequence[Any]) -> float:
    from synth.answers.outcome import Outcome
    from synth.problems import get_task

    task = get_task("arithmetic")
    answered = zip(problems, answers(model, problems, 0.0), strict=True)
    return sum(task.check(problem, text).outcome is Outcome.CORRECT for problem, text in answered) / len(problems)


class World:
    """A seed's teacher, student, and problems."""

    def __init__(self, seed: int, options: argparse.Namespace) -> None:
        drawn = Arithmetic([1]).draw(options.problems + 600 + options.test, seed=seed)
        known, self.asked, self.test = (
            drawn[: options.problems],
            drawn[options.problems : options.problems + 600],
            drawn[-options.test :],
        )
        self.seed, self.options = seed, options
        base = from_nothing(known, seed, TinyConfig(**TINY))
        solutions = [str(problem.solution) for problem in known]
        self.teacher, self.student = (
            fine_tuned(base, name, known, solutions, seed, budget_tokens=tokens, learning_rate=0.01)
            for name, tokens in (("teacher", options.teacher_tokens), ("student", options.student_tokens))
        )

    def distil(self, rate: float) -> Run:
        """The student, distilled at a learning rate."""
        config = DistilConfig(
            teacher="teacher", steps=self.options.steps, prompts_per_step=PROMPTS, max_tokens=64, max_length=128,
            learning_rate=rate, optimiser=MUON, device="cpu",
        )  # fmt: skip

        def taught(parent: Path, problems: Sequence[Problem], out: Path, config: DistilConfig, *, seed: int) -> Any:
            return distil(parent, problems, out, config, teacher=self.teacher.path, seed=seed)

        return self.student.then("distil", taught, self.asked, config, self.seed, mark=str(self.teacher.path))

    def sft(self, rate: float, tokens: int) -> Run:
        """The student, fine-tuned on the teacher's texts."""
        texts = answers(self.teacher.path, self.asked, 1.0, self.seed)
        return fine_tuned(
            self.student, "copied", self.asked, texts, self.seed, budget_tokens=tokens, learning_rate=rate
        )


def tune(options: argparse.Namespace) -> Figures:
    """Try each arm's rates on seed 0; greedy accuracy decides."""
    world = World(0, options)
    distilled = {rate: world.distil(rate) for rate in RATES["distil"]}
    tokens = max(run.stages[-1]["tokens"] for run in distilled.values())
    arms = {"distil": distilled, "sft": {rate: world.sft(rate, tokens) for rate in RATES["sft"]}}
    tried: Figures = {
        arm: {str(rate): round(accuracy(run.path, world.test), 4) for rate, run in runs.items()}
        for arm, runs in arms.items()
    }
    rates = {arm: max(RATES[arm], key=lambda rate, arm=arm: tried[arm][str(rate)]) for arm in ARMS}
    for name, model in (("teacher", world.teacher), ("student", world.student)):
        tried[name] = round(accuracy(model.path, world.test), 4)
    print(json.dumps(tried), file=sys.stderr, flush=True)
    return {"seed": 0, "rates": rates, "tried": tried}


def one_seed(seed: int, rates: dict[str, float], options: argparse.Namespace) -> Figures:
    world = World(seed, options)
    learned = world.distil(rates["distil"])
    copied = world.sft(rates["sft"], learned.stages[-1]["tokens"])
    runs = {"teacher": world.teacher, "student": world.student, "distil": learned, "sft": copied}
    return {
        **{name: round(accuracy(run.path, world.test), 4) for name, run in runs.items()},
        **{f"{arm}_tokens": runs[arm].stages[-1]["tokens"] for arm in ARMS},
        **{f"{arm}_cpu_seconds": round(runs[arm].stages[-1]["cpu_seconds"]) for arm in ARMS},
    }


def summary(seeds: Sequence[Figures]) -> Figures:
    return {
        "distil_vs_sft": mean([seed["distil"] - seed["sft"] for seed in seeds]),
        **{f"{arm}_vs_student": mean([seed[arm] - seed["student"] for seed in seeds]) for arm in ARMS},
        "means": {
            name: round(statistics.fmean(seed[name] for seed in seeds), 4) for name in ("teacher", "student", *ARMS)
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3])
    parser.add_argument("--tune", action="store_true", help="only choose the rates, where that was not done")
    parser.add_argument("--steps", type=int, default=60, help=f"of distillation, {PROMPTS} responses each")
    parser.add_argument("--problems", type=int, default=1500, help="that teacher and student learn from")
    parser.add_argument("--test", type=int, default=300, help="that nobody has seen")
    parser.add_argument("--teacher-tokens", type=int, default=400_000)
    parser.add_argument("--student-tokens", type=int, default=160_000)
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    settings = {name: value for name, value in vars(options).items() if name not in ("json", "seeds", "tune")}
    kept = Seeds("distilling", settings, summary)
    rates = kept.tuned(lambda: tune(options))
    for seed in [] if options.tune else options.seeds:
        kept.add(seed, one_seed(seed, rates, options))
    print(json.dumps(last("distilling"), indent=None if options.json else 1))


if __name__ == "__main__":
    main()
