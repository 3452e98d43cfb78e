"""Decontamination beside Python sets, quality rules beside pure Python, answers beside math-verify."""

import json
import os
import random
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks.curating.documents import best, word_problems
from filters.benchmarks import Item
from filters.duplicates.tokenised import MARKS
from filters.leaks.benchmark_index import GRAM, BenchmarkIndex, View
from filters.leaks.screen import Screen
from filters.text import in_digits, ngrams, tokens
from synth.answers.outcome import Outcome

CHECKOUT = Path(__file__).resolve().parents[2]


def measure_leaks(texts: list[str], data: Path | None, rounds: int, detail: dict[str, Any]) -> dict[str, float]:
    """Any shared 8-gram with a benchmark question: Python sets of strings, and the hashed screen.

    Both read questions in one wording, so that numbers in words, percent or LaTeX are found; `plain_sets` does not. The
    screen misses none and flags a few more (`flagged` against `held`); what it flags is read once more by the filter, which
    is not timed here.
    """
    if data is not None:
        lines = (data / "gsm8k" / "test.jsonl").read_text(encoding="utf-8").splitlines()
        items = [json.loads(line)["question"] for line in lines]
    else:
        items = [question for question, _ in word_problems(None, 9_000)[-1_319:]]
    rng = random.Random(5)
    texts = [f"{text} {rng.choice(items)}" if rng.random() < 0.01 else text for text in texts]
    index = BenchmarkIndex([Item("b", str(n), "t", item) for n, item in enumerate(items)], frozenset())
    grams = frozenset(index.prompts.grams)
    plain_grams = {gram for item in items for gram in ngrams(in_digits(tokens(item)), GRAM)}

    def by_sets() -> list[bool]:
        return [not grams.isdisjoint(ngrams(View(text).tokens, GRAM)) for text in texts]

    def by_plain_sets() -> list[bool]:
        return [not plain_grams.isdisjoint(ngrams(in_digits(tokens(MARKS.sub("", text))), GRAM)) for text in texts]

    array = pa.array(texts, pa.large_string())
    screen = Screen([index])
    screen.texts(array[:10])
    ours, flags = best(lambda: screen.texts(array).tolist(), rounds)
    sets, held = best(by_sets, 1)
    plain_sets, _ = best(by_plain_sets, 1)
    missed = sum(there and not flag for flag, there in zip(flags, held, strict=True))
    if missed:
        raise SystemExit(f"decontamination: the screen missed {missed} texts")
    detail["decontamination"] = {
        "flagged": sum(flags),
        "held": sum(held),
        "ours_per_cpu_s": len(texts) / ours,
        "sets_per_cpu_s": len(texts) / sets,
        "plain_sets_per_cpu_s": len(texts) / plain_sets,
    }
    return {"decontamination_vs_sets": sets / ours}


def measure_quality(texts: list[str], rounds: int, detail: dict[str, Any]) -> dict[str, float]:
    """The trace rules on what is repeated, over whole rows, verdicts included; loops are planted in a tenth."""
    from filters import Context, get_filter

    rng = random.Random(9)
    looping = [" ".join(text.split()[:25]) for text in texts]
    rows = [
        text if rng.random() < 0.9 else "\n".join([loop] * rng.randrange(2, 12))
        for text, loop in zip(texts, looping, strict=True)
    ]
    samples = pa.table(
        {"sample_id": [f"{n:06}" for n in range(len(rows))], "response": rows, "task": ["math_word"] * len(rows)}
    )
    judge = get_filter("repetition")
    judge(samples.slice(0, 5), Context())
    ours, verdicts = best(lambda: judge(samples, Context()), rounds)
    os.environ["NIGHTSCHOOL_NUMBA"] = "0"
    plain, expected = best(lambda: judge(samples, Context()), 1)
    del os.environ["NIGHTSCHOOL_NUMBA"]
    if not verdicts.equals(expected):
        raise SystemExit("quality: the verdicts differ")
    detail["quality"] = {"ours_per_cpu_s": len(rows) / ours, "python_per_cpu_s": len(rows) / plain}
    return {"quality_vs_python": plain / ours}


def labelled_answers(data: Path | None) -> list[tuple[str, str, bool]]:
    """Gold, what a model answered, and whether people say it is right."""
    if data is None:
        rng = random.Random(2)
        return [(str(gold), str(gold + rng.choice([0, 0, 1, 10])), False) for gold in range(1_000)]
    labelled = []
    for line in (data / "gsm8k" / "model_solutions.jsonl").read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        gold = item["ground_truth"].rpartition("A:")[2].strip()
        for value in item.values():
            if isinstance(value, dict) and "solution" in value:
                labelled.append((gold, value["solution"], bool(value["is_correct"])))
    return labelled


def measure_answers(data: Path | None, rounds: int, detail: dict[str, Any]) -> dict[str, float]:
    from math_verify import parse
    from math_verify import verify as their_verify

    from synth.answers.judge import judge, judge_answer

    labelled = labelled_answers(data)
    if data is None:
        labelled = [(gold, f"#### {answer}", gold == answer) for gold, answer, _ in labelled]
    ours, outcomes = best(lambda: [judge(gold, text).outcome for gold, text, _ in labelled], rounds)

    def plain() -> list[bool]:
        return [bool(their_verify(parse(gold), parse(text))) for gold, text, _ in labelled]

    theirs, their_verdicts = best(plain, 1)
    pairs = [(outcome, label) for outcome, (_, _, label) in zip(outcomes, labelled, strict=True)]
    agree = sum((outcome is Outcome.CORRECT) == label for outcome, label in pairs)
    cases = CHECKOUT / "tests" / "synth" / "answers"
    wrong, right = (json.loads((cases / f"{name}_answers.json").read_text()) for name in ("wrong", "correct"))
    false = sum(judge_answer(case["gold"], case["answer"]).outcome is Outcome.CORRECT for case in wrong)
    decided = sum(judge_answer(case["gold"], case["answer"]).outcome is Outcome.CORRECT for case in right)
    detail["verification"] = {
        "answers": len(labelled),
        "ours_per_cpu_s": len(labelled) / ours,
        "math_verify_per_cpu_s": len(labelled) / theirs,
        "math_verify_agreement": sum(
            verdict == label for verdict, (_, _, label) in zip(their_verdicts, labelled, strict=True)
        )
        / len(labelled),
        "wrong_cases": len(wrong),
        "correct_cases": len(right),
    }
    return {
        "verify_vs_math_verify": theirs / ours,
        "verify_agreement": agree / len(labelled),
        "verify_false_positives": false,
        "verify_recall": decided / len(right),
    }
