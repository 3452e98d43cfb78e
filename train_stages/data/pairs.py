"""Preference pairs from the rows of a release: those that a method wrote as such, and a student's mistakes set right.

Tutorship and critique keep what the student answered. Where the checker calls that answer wrong, and the release holds a
right answer to the same problem, the two are a pair. What cannot be verified is never taken for wrong.

Pairs whose worse side is right while the better one is not contradict the checker, and are left out. Where both are right (the
shorter of two solutions), they stay unless only wrong worse sides are wanted.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from storage.errors import RecipeError
from storage.releases.shapes import shaped
from synth.answers.outcome import Outcome
from synth.notes import PreferenceNotes, read_notes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.sample import problem_of

Row = Mapping[str, Any]


def preference_pairs(
    rows: Iterable[Row], ask: Callable[[Problem], list[dict[str, str]]], *, wrong: bool = False
) -> list[dict[str, Any]]:
    """Return pairs with `id`, `sample_ids`, `prompt`, `chosen`, `rejected` (chats), `problem_id`, `origin`, in order of the rows.

    Where a method gave any pair a margin, each has a `margin`, 0 where none was given; likewise `other_prompt`, the chat to which
    the worse answer is the better one, null where there is none.

    Args:
        rows: Rows of a release.
        ask: How a problem is put to a model; the prompt of the pairs that are made here.
        wrong: Only pairs whose worse side the checker calls wrong.
    """
    rows = list(rows)
    right = _right_answers(rows)
    pairs: list[dict[str, Any]] = []
    for row in rows:
        for pair in shaped([row], "preference"):
            if not _agrees(row, wrong):
                continue
            ids = {"id": row["sample_id"], "sample_ids": [row["sample_id"]], "problem_id": row["problem_id"]}
            pairs.append({**ids, "origin": row["method"], **pair, **_of_notes(row)})
        answer = right.get(row["problem_id"])
        attempt = _wrong_attempt(row)
        if answer is None or attempt is None:
            continue
        pairs.append(
            {
                "id": row["sample_id"],
                "sample_ids": [row["sample_id"], answer[0]],
                "problem_id": row["problem_id"],
                "origin": row["method"],
                "prompt": ask(_problem(row)),
                "chosen": [{"role": "assistant", "content": answer[1]}],
                "rejected": [{"role": "assistant", "content": attempt}],
            }
        )
    if any("margin" in pair for pair in pairs):
        pairs = [{**pair, "margin": pair.get("margin", 0.0)} for pair in pairs]
    if any("other_prompt" in pair for pair in pairs):
        pairs = [{**pair, "other_prompt": pair.get("other_prompt")} for pair in pairs]
    return pairs


def _of_notes(row: Row) -> dict[str, Any]:
    notes = read_notes(row["kind"], row.get("notes"), row["attrs"])
    if not isinstance(notes, PreferenceNotes):
        return {}
    margin = {} if notes.margin is None else {"margin": notes.margin}
    return margin | ({"other_prompt": [turn.model_dump() for turn in notes.other_prompt]} if notes.other_prompt else {})


def _agrees(row: Row, wrong: bool) -> bool:
    """Whether the checker does not contradict a pair, and, with `wrong`, calls its worse side wrong."""
    problem = _problem(row)
    try:
        task = get_task(problem.task)
    except RecipeError:
        return not wrong  # nobody can say
    worse = task.check(problem, row["rejected"]).outcome
    if wrong:
        return worse is Outcome.WRONG
    return worse is not Outcome.CORRECT or task.check(problem, row["response"]).outcome is Outcome.CORRECT


def _right_answers(rows: Iterable[Row]) -> dict[str, tuple[str, str]]:
    """A verified answer to each problem that has one: the first by sample id among rows that answer the bare problem."""
    answers: dict[str, tuple[str, str]] = {}
    for row in sorted(rows, key=lambda row: str(row["sample_id"])):
        if row["kind"] != "sft" or not row["response"] or row["problem_id"] in answers or _attempt(row):
            continue
        problem = _problem(row)
        if get_task(problem.task).check(problem, row["response"]).outcome is Outcome.CORRECT:
            answers[row["problem_id"]] = (row["sample_id"], row["response"])
    return answers


def _wrong_attempt(row: Row) -> str | None:
    attempt = _attempt(row)
    if not attempt or row["kind"] == "preference":
        return None
    problem = _problem(row)
    wrong = get_task(problem.task).check(problem, attempt).outcome is Outcome.WRONG
    return attempt if wrong else None


def _problem(row: Row) -> Problem:
    return problem_of({**row, "attrs": row["problem_attrs"]})


def _attempt(row: Row) -> str | None:
    """The attempt of a student that a row is about."""
    attempt = read_notes(row["kind"], row.get("notes"), row["attrs"]).attempt
    return attempt.text if attempt else None
