"""Small problems and rows for the tests of filters."""

import json
from typing import Any

import pyarrow as pa

from filters import get_filter
from filters.base import Context
from storage.schema import TABLES
from synth.problems.base import Problem

SAMPLES = pa.schema([field for field in TABLES["samples"] if field.name != "commit_id"])

STAMPS = (
    "Bella bought stamps at the post office. Some of the stamps had a snowflake design, some had a truck design, and "
    "some had a rose design. Bella bought 11 snowflake stamps. She bought 9 more truck stamps than snowflake stamps, "
    "and 13 fewer rose stamps than truck stamps. How many stamps did Bella buy in all?"
)
STAMPS_SOLUTION = (
    "The number of truck stamps that she bought is 11 + 9 = <<11+9=20>>20.\n"
    "The number of rose stamps that she bought is then 20 - 13 = <<20-13=7>>7.\n"
    "Bella bought 11 + 20 + 7 = <<11+20+7=38>>38 stamps in all."
)


def word_problem(prompt: str = STAMPS, gold: str = "38", solution: str | None = None, **more: Any) -> Problem:
    return Problem(
        **{"task": "math_word", "source": "test", "prompt": prompt, "gold": gold, "structure": prompt.lower()}
        | {"solution": solution}
        | more
    )


def arithmetic(name: str = "Ann", start: int = 5, plus: int = 3, minus: int = 2) -> Problem:
    total = start + plus - minus
    return Problem(
        task="arithmetic",
        source="arithmetic",
        prompt=f"{name} has {start} apples, finds {plus} and loses {minus}. How many are left?",
        gold=str(total),
        structure=f"{start} +{plus} -{minus}",
        attrs={
            "start": start,
            "operations": [["+", plus], ["-", minus]],
            "steps": [f"{start} + {plus} = {start + plus}", f"{start + plus} - {minus} = {total}"],
        },
    )


def derivation(problem: Problem) -> str:
    return "\n".join([*problem.attrs["steps"], f"#### {problem.gold}"])


def row(
    sample_id: str, problem: Problem | None = None, response: str | None = "#### 38", **more: Any
) -> dict[str, Any]:
    attrs, notes = more.pop("attrs", {}), more.pop("notes", None)
    asked = f"{problem.prompt}\n\nThink step by step." if problem else "What is it?"
    return {
        "sample_id": sample_id,
        "attempt_id": f"attempt of {sample_id}",
        "night": "2026-01-02",
        "method": "cot",
        "kind": "sft",
        "problem_id": problem.id if problem else None,
        "task": problem.task if problem else "math_word",
        "source": "test",
        "tier": 1,
        "position": 0,
        "origin": "model",
        "models": [],
        "parents": [],
        "prompts": [],
        "messages": [{"role": "user", "content": asked}],
        "response": response,
        "rejected": None,
        "text": None,
        "steps": None,
        "labels": None,
        "answer": None,
        "notes": json.dumps(notes) if isinstance(notes, dict) else notes,
        "attrs": attrs if isinstance(attrs, str) or attrs is None else json.dumps(attrs),
        "words": 1,
    } | more


def table(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=SAMPLES)


def context(*problems: Problem, **more: Any) -> Context:
    return Context(problems={problem.id: problem for problem in problems}, **more)


def outcomes(verdicts: pa.Table) -> dict[str, tuple[str, str | None]]:
    """Outcome and reason by sample."""
    columns = (verdicts[name].to_pylist() for name in ("sample_id", "outcome", "reason"))
    return {sample_id: (outcome, reason) for sample_id, outcome, reason in zip(*columns, strict=True)}


def details(verdicts: pa.Table) -> dict[str, dict[str, Any]]:
    """Detail by sample, empty where there is none."""
    pairs = zip(verdicts["sample_id"].to_pylist(), verdicts["detail"].to_pylist(), strict=True)
    return {sample_id: json.loads(detail) if detail else {} for sample_id, detail in pairs}


def rule_verdict(rule: str, response: str, asked: str = "", **more: Any) -> tuple[str, str | None]:
    """What a row filter says of one worked solution of a word problem: its outcome, and its reason."""
    messages = [{"role": "user", "content": asked}] if asked else []
    judged_row = {
        "sample_id": "a",
        "kind": "sft",
        "task": "math_word",
        "messages": messages,
        "response": response,
    } | more
    [judged] = get_filter(rule)(table(judged_row), Context()).to_pylist()
    return judged["outcome"], judged["reason"]
