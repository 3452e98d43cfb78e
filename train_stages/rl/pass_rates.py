"""Which problems reinforcement learning is given: those that the model solves sometimes (0 < p < 1).

A group of responses that are all right or all wrong has no advantage, so its problem teaches nothing (arXiv:2503.14476,
section 3.2). A pass rate belongs to the model that made it: only rates of the very model that RL starts from count. They are
*stored* (the lake has that model's attempts: it is the promoted student, and no other stage came before RL) or *measured*
(the model answers each problem some times before RL begins).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from filters.pass_rate import PassRate
from filters.rules.difficulty import for_reinforcement
from storage.errors import TrainingError
from synth.problems.base import Problem
from train_stages.rewards.base import Response

FILE = "pass_rates.parquet"
CHUNK = 256
"""Problems that are measured at a time."""

Ask = Callable[[Sequence[Problem], int], list[list[str]]]
"""Answers to each problem, so many."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The problems that are left.

    Attributes:
        problems: The problems, in their order.
        figures: How many there were, how many have a pass rate, and what became of them.
    """

    problems: list[Problem]
    figures: dict[str, float]


def choose(problems: Sequence[Problem], rates: Mapping[str, PassRate], *, tries: int) -> Chosen:
    """Leave out the problems that are always or never solved in at least `tries` attempts.

    A problem about which too little is known stays.

    Args:
        problems: The problems.
        rates: Pass rates by problem id, of the model that RL starts from.
        tries: Fewer attempts than this say nothing about a problem.

    Raises:
        TrainingError: None would be left.
    """
    known_rates = [
        rates[problem.id] for problem in problems if problem.id in rates and rates[problem.id].tries >= tries
    ]
    useful = set(for_reinforcement(known_rates, tries=tries))
    useless = {rate.problem_id for rate in known_rates} - useful
    kept = [problem for problem in problems if problem.id not in useless]
    figures = {
        "problems_given": float(len(problems)),
        "pass_rate_known": float(len(known_rates)),
        "always_solved": float(sum(rate.correct == rate.tries for rate in known_rates)),
        "never_solved": float(sum(rate.correct == 0 for rate in known_rates)),
        "chosen": float(len(kept)),
    }
    if not kept:
        raise TrainingError(
            f"rl: of {len(problems)} problems none is solved sometimes: {figures['always_solved']:.0f} were always solved and "
            f"{figures['never_solved']:.0f} never in at least {tries} attempts, so no group would have an advantage; choose "
            f"other problems (`where`, `tasks`), or set difficulty: all to train on all of them"
        )
    return Chosen(kept, figures)


def measure(
    problems: Sequence[Problem], ask: Ask, *, model: str, tries: int, wanted: int, seed: int
) -> dict[str, PassRate]:
    """Let the model answer problems until `wanted` are found that it solves sometimes, or all were asked.

    Args:
        problems: The problems; they are asked in an order drawn from the seed.
        ask: Who answers.
        model: Identity of the model.
        tries: Answers to each problem.
        wanted: Stop when so many were found.
        seed: Seed of the order.
    """
    order = np.random.default_rng(seed).permutation(len(problems))
    rates: dict[str, PassRate] = {}
    for start in range(0, len(order), CHUNK):
        asked = [problems[number] for number in order[start : start + CHUNK]]
        for problem, answers in zip(asked, ask(asked, tries), strict=True):
            credits = [Response(problem, answer).correct for answer in answers]
            decided = [right for right in credits if right is not None]
            rates[problem.id] = PassRate(problem.id, model, "", len(decided), round(sum(decided)))
        if len(for_reinforcement(rates.values(), tries=tries)) >= wanted:
            break
    return rates


def keep(path: Path, rates: Iterable[PassRate]) -> None:
    """Write pass rates, a line a problem."""
    columns = ("problem_id", "model", "tries", "correct")
    rows = sorted(rates, key=lambda rate: rate.problem_id)
    pq.write_table(pa.table({name: [getattr(rate, name) for rate in rows] for name in columns}), path)


def read(rows: Sequence[Mapping[str, Any]], ids: Sequence[str]) -> dict[str, PassRate]:
    """Read the columns `tries` and `correct` of rows, where they are there."""
    return {
        name: PassRate(name, str(row.get("model") or ""), "", int(row["tries"]), int(row["correct"]))
        for name, row in zip(ids, rows, strict=True)
        if row.get("tries")
    }


def kept(path: Path) -> dict[str, PassRate]:
    """Read what `keep` wrote."""
    rows = pq.read_table(path).to_pylist()
    return read(rows, [row["problem_id"] for row in rows])
