"""Judged answers from the rows of a release: whole ones, their steps, and pairs. The one judge says what is right.

An answer that cannot be verified has no label, and is left out, whatever row it stands in.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from storage.ids import seed_from
from storage.releases.shapes import shaped
from synth.answers.outcome import Outcome
from synth.notes import StepwiseNotes, read_notes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.sample import problem_of
from train_stages.data.pairs import preference_pairs

Row = Mapping[str, Any]
Ask = Callable[[Problem], list[dict[str, str]]]


def judged_answers(rows: Iterable[Row], ask: Ask) -> list[dict[str, Any]]:
    """Return whole answers: `id`, `sample_ids`, `problem_id`, `messages` and `label` (1 right, 0 wrong), each text once.

    They are what the rows answer, the attempts of students that they are about, and both sides of pairs.

    Args:
        rows: Rows of a release.
        ask: How a problem is put to a model.
    """
    answers: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        problem = _problem(row)
        for text in _texts(row):
            key = (row["problem_id"], text)
            outcome = get_task(problem.task).check(problem, text).outcome
            if outcome is Outcome.UNVERIFIABLE or key in answers:
                continue
            answers[key] = {
                **_ids(row, len(answers)),
                "messages": [*ask(problem), {"role": "assistant", "content": text}],
                "label": float(outcome is Outcome.CORRECT),
            }
    return list(answers.values())


def judged_steps(rows: Iterable[Row], ask: Ask, *, soft: bool) -> list[dict[str, Any]]:
    """Return answers whose steps are judged: `steps` and `labels` up to the first wrong one, beside `messages` and the ids.

    Args:
        rows: Rows of a release; only those of kind `stepwise` have judged steps.
        ask: How a problem is put to a model.
        soft: Take the share of completions that ended right for a label, where the row has it.
    """
    answers: list[dict[str, Any]] = []
    for row in rows:
        notes = read_notes(row["kind"], row.get("notes"), row["attrs"])
        if not isinstance(notes, StepwiseNotes) or not row["steps"] or notes.attempt is None:
            continue
        right = list(row["labels"])
        count = right.index(False) + 1 if False in right else len(right)
        values = notes.values if soft and len(notes.values) >= count else right
        answers.append(
            {
                **_ids(row, len(answers)),
                "messages": [*ask(_problem(row)), {"role": "assistant", "content": notes.attempt.text}],
                "steps": list(row["steps"])[:count],
                "labels": [float(value) for value in values[:count]],
            }
        )
    return answers


def judged_pairs(rows: Iterable[Row], ask: Ask) -> list[dict[str, Any]]:
    """Return pairs of a better and a worse answer: `prompt`, `chosen` and `rejected`, chats, beside the ids."""
    names = ("id", "sample_ids", "problem_id", "prompt", "chosen", "rejected")
    return [{name: pair[name] for name in names} for pair in preference_pairs(rows, ask)]


def is_heldout(problem_id: str, share: float) -> bool:
    """Whether the answers to a problem measure the verifier instead of teaching it: always the same problems."""
    return seed_from("verifier", problem_id) % 10_000 < share * 10_000


def _texts(row: Row) -> Iterator[str]:
    """The answers to the problem that a row holds."""
    notes = read_notes(row["kind"], row.get("notes"), row["attrs"])
    if notes.question is not None:
        return  # it answers a question of its own
    if notes.attempt is not None and notes.attempt.text:
        yield notes.attempt.text
    elif row["kind"] == "sft" and row["response"]:
        yield row["response"]
    for pair in shaped([row], "preference"):
        yield from (pair[side][-1]["content"] for side in ("chosen", "rejected"))


def _problem(row: Row) -> Problem:
    return problem_of({**row, "attrs": row["problem_attrs"]})


def _ids(row: Row, number: int) -> dict[str, Any]:
    return {"id": f"{row['sample_id']}/{number}", "sample_ids": [row["sample_id"]], "problem_id": row["problem_id"]}


def labels_of(rows: Sequence[Row]) -> set[bool]:
    """Return whether there are right and wrong ones among judged answers or steps; pairs have both."""
    if not rows or "chosen" in rows[0]:
        return {True, False} if rows else set()
    labels = (label for row in rows for label in (row["labels"] if "labels" in row else [row["label"]]))
    return {label > 0.5 for label in labels}
