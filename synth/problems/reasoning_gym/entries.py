"""One entry of the library as a problem, and the score of an answer to it."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from synth.problems.base import Problem
from synth.problems.reasoning_gym.library import make_dataset, scorer, seeded
from synth.sandbox.values import from_plain, to_plain

TASK = "reasoning_gym"


@lru_cache(maxsize=8)
def made_dataset(name: str, options: str, seed: int) -> Any:
    """Return a data set of the library by its options as plain JSON, the last few of them kept."""
    return make_dataset(name, from_plain(json.loads(options)), seed)


def make_entry(dataset: Any, seed: int, index: int) -> dict[str, Any]:
    """Return an entry: `question`, `answer` and `metadata`. The same arguments give the same
    entry in every process with one hash seed.
    """
    with seeded(seed + index):
        return dict(dataset[index])


def entry_problem(name: str, options: Mapping[str, Any], entry: Mapping[str, Any], source: str, tier: int) -> Problem:
    """Return an entry as a problem, which holds all that its scorer needs.

    Two problems of a task are the same one when their questions are: what the library shows is all that a question depends on.

    Raises:
        TypeError: The entry holds a value that cannot be stored.
    """
    question, answer = str(entry["question"]).strip(), str(entry["answer"])
    return Problem(
        task=TASK,
        source=source,
        prompt=question,
        gold=answer,
        structure=f"{name}\n{question}",
        tier=tier,
        license="Apache-2.0",
        attrs={
            "task": name,
            "options": to_plain(dict(options)),
            "metadata": to_plain(entry["metadata"]),
        },
    )


def score(attrs: Mapping[str, Any], question: str, gold: str, answer: str) -> float:
    """Score an answer as the library does, in this process: for gold answers, and for a process that does nothing else.

    Args:
        attrs: `Problem.attrs`.
        question: The question.
        gold: The library's own answer.
        answer: What is scored.
    """
    entry = {"question": question, "answer": gold, "metadata": from_plain(attrs["metadata"])}
    return float(scorer(attrs["task"], json.dumps(attrs["options"])).score_answer(answer, entry))
