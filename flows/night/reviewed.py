"""What people told apart, for the judges of a night."""

from collections.abc import Mapping

from storage.lake import nights
from storage.lake.lake import Lake
from storage.lake.reviews import told_apart
from synth.calls.reviewed import ReviewedAnswer, ReviewedPair
from synth.sample import problem_of

MOST = 200
"""Pairs that a night reads; more than any calibration takes."""


def reviewed_pairs(lake: Lake) -> tuple[ReviewedPair, ...]:
    """Return pairs of answers to one problem of which people accept one and reject the other."""
    rows = told_apart(lake, MOST)
    ids = [row["problem_id"] for row in rows]
    problems = {row["problem_id"]: problem_of(row) for row in nights.problem_rows(lake, ids=ids)} if ids else {}
    return tuple(
        ReviewedPair(problems[row["problem_id"]], _answer(row["accepted"]), _answer(row["rejected"]))
        for row in rows
        if row["problem_id"] in problems
    )


def _answer(row: Mapping[str, str | None]) -> ReviewedAnswer:
    return ReviewedAnswer(row["response"] or "", row["call_id"] or "", row["model"] or "")
