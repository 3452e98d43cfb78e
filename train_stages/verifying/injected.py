"""Answers to sums, right ones and ones with an injected error: a verifier can be measured on them, since the truth is known."""

import random
import re
from collections.abc import Sequence
from typing import Any

from synth.engines.verifier_reading import Unit
from synth.problems import get_task
from synth.problems.base import Problem

_STEP = re.compile(r"(-?\d+) ([-+]) (\d+) = (-?\d+)")


def inject(problem: Problem, rng: random.Random) -> tuple[str, int]:
    """Return the solution with one wrong result, on which the later steps go on rightly, and the number of that step from 0.

    Args:
        problem: A sum of the task `arithmetic`, with its derivation.
        rng: Chooses the step, and how far its result is off.

    Raises:
        ValueError: The problem is no sum of additions and subtractions.
    """
    steps = [_STEP.fullmatch(step) for step in get_task(problem.task).steps(problem.solution or "")]
    known = [step for step in steps if step is not None]
    if not known or len(known) < len(steps):
        raise ValueError(f"problem {problem.id} is no sum of additions and subtractions")
    wrong = rng.randrange(len(known))
    value, lines = int(known[0][1]), []
    for number, step in enumerate(known):
        result = value + int(step[3]) * (1 if step[2] == "+" else -1)
        result += rng.choice([-3, -2, -1, 1, 2, 3]) if number == wrong else 0
        lines.append(f"{value} {step[2]} {step[3]} = {result}")
        value = result
    return "\n".join([*lines, f"#### {value}"]), wrong


def injected_rows(problems: Sequence[Problem], unit: Unit, *, seed: int = 0) -> list[dict[str, Any]]:
    """Return judged answers, one right and one wrong to each problem, as the stage `verifier` reads them for a unit."""
    rng, rows = random.Random(seed), []
    for problem in problems:
        right, (wrong, at) = str(problem.solution), inject(problem, rng)
        ids = {"problem_id": problem.id, "sample_ids": [problem.id]}
        if unit == "answer":
            rows += [
                {"id": f"{problem.id}/{label:.0f}", **ids, "messages": _chat(problem, text), "label": label}
                for text, label in ((right, 1.0), (wrong, 0.0))
            ]
        elif unit == "step":
            rows += [
                {"id": f"{problem.id}/{first}", **ids, "messages": _chat(problem, text), **_steps(problem, text, first)}
                for text, first in ((right, None), (wrong, at))
            ]
        else:
            prompt, *chosen = _chat(problem, right)
            rejected = _chat(problem, wrong)[1:]
            rows.append({"id": problem.id, **ids, "prompt": [prompt], "chosen": chosen, "rejected": rejected})
    return rows


def _steps(problem: Problem, text: str, first: int | None) -> dict[str, Any]:
    steps = get_task(problem.task).steps(text)
    labels = [1.0] * len(steps) if first is None else [1.0] * first + [0.0]
    return {"steps": steps[: len(labels)], "labels": labels}


def _chat(problem: Problem, text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": problem.prompt}, {"role": "assistant", "content": text}]
