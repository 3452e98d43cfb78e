"""What is measured on: problems with solutions, puzzles, and copies in which a controlled share of the words was changed."""

import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def word_problems(data: Path | None, count: int) -> list[tuple[str, str]]:
    """Questions with solutions."""
    if data is not None:
        lines = (data / "gsm8k" / "train.jsonl").read_text(encoding="utf-8").splitlines()[:count]
        return [(item["question"], item["answer"]) for item in map(json.loads, lines)]
    from synth.problems import get_task
    from synth.problems.arithmetic import Arithmetic

    problems = Arithmetic(tiers=(2, 3)).draw(count, seed=1)
    return [(problem.prompt, get_task("arithmetic").solve(problem) or "") for problem in problems]


def puzzles(count: int) -> list[tuple[str, str]]:
    from synth.problems import get_task
    from synth.problems.knights_knaves import KnightsKnaves

    problems = KnightsKnaves(people=(3, 4, 5)).draw(count, seed=1)
    return [(problem.prompt, get_task("knights_knaves").solve(problem) or "") for problem in problems]


def edited(text: str, share: float, rng: random.Random) -> str:
    tokens = text.split(" ")
    for at in range(len(tokens)):
        if rng.random() < share:
            tokens[at] = rng.choice(tokens)
    return " ".join(tokens)


def documents(data: Path | None, count: int) -> list[str]:
    """Problems with solutions, two thirds from words and one third puzzles, and edited copies, in a fixed random order."""
    rng = random.Random(7)
    base = word_problems(data, count // 3) + puzzles(count // 6)
    texts = []
    while len(texts) < count:
        for question, solution in base:
            text = f"{question}\n{solution}"
            share = rng.choice([0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.3])
            texts.append(edited(text, share, rng) if texts and len(texts) > len(base) else text)
    rng.shuffle(texts)
    return texts[:count]


def best(action: Callable[[], Any], rounds: int) -> tuple[float, Any]:
    """CPU seconds of the best round, and what came out."""
    times, result = [], None
    for _ in range(rounds):
        start = time.process_time()
        result = action()
        times.append(time.process_time() - start)
    return min(times), result
