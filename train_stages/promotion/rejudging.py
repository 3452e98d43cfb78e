"""Evaluations that another version of the judge has decided, judged again from the responses that were kept: no model is asked.

Only outcomes of one and the same judge are compared: a judge that reads more answers would look like a model that has learned.
"""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from storage.errors import TrainingError
from storage.lake.lake import Lake
from storage.lake.nights import problem_rows
from synth.answers.outcome import Outcome
from synth.problems import checker_version, checker_versions, get_task
from synth.problems.base import Problem
from synth.sample import problem_of


def judged_today(rows: pa.Table, problems: Mapping[str, Problem]) -> pa.Table:
    """Return the rows of an evaluation with the outcomes of today's judge: those that another version decided are judged again.

    Args:
        rows: Columns `problem_id`, `task`, `response`, `finish_reason`, `answer`, `outcome` and `judge`, and any other.
        problems: The problems by id.

    Raises:
        TrainingError: A row was decided by another version and its response, or its problem, is not there any more.
        RecipeError: The task of a problem is not installed.
    """
    versions = checker_versions(rows["task"].to_pylist())
    names = ("problem_id", "task", "response", "finish_reason", "answer", "outcome", "judge")
    lines = [
        dict(zip(names, line, strict=True)) for line in zip(*(rows[name].to_pylist() for name in names), strict=True)
    ]
    stale = [line for line in lines if line["judge"] != versions[line["task"]]]
    if not stale:
        return rows
    _must_be_kept(stale, problems, versions)
    for line in stale:
        _judge_again(line, problems[line["problem_id"]])
    for name in ("answer", "outcome", "judge"):
        column = pa.array([line[name] for line in lines], pa.string())
        rows = rows.set_column(rows.column_names.index(name), name, column)
    return rows


def judged_today_in(lake: Lake, rows: pa.Table) -> pa.Table:
    """Do the same with the problems of a lake.

    Raises:
        TrainingError: As `judged_today`.
    """
    ids = sorted(set(rows["problem_id"].to_pylist()))
    return judged_today(rows, {row["problem_id"]: problem_of(row) for row in problem_rows(lake, ids=ids)})


def _must_be_kept(stale: list[dict[str, Any]], problems: Mapping[str, Problem], versions: Mapping[str, str]) -> None:
    lost = [line for line in stale if line["response"] is None or line["problem_id"] not in problems]
    if not lost:
        return
    by = ", ".join(sorted({line["judge"] or "of unknown version" for line in lost}))
    today = ", ".join(sorted({versions[line["task"]] for line in lost}))
    raise TrainingError(
        f"{len(lost):,} answers of an evaluation were decided by judge {by}, today's is {today}, and their responses are not "
        "kept: they cannot be compared with others. Ask anew under another seed, `--set train.seed=1`: as another evaluation it "
        "is made and kept in full"
    )


def _judge_again(line: dict[str, Any], problem: Problem) -> None:
    """Put today's outcome into a row; a request that failed has none, and rows of before say so by an empty response."""
    failed = line["finish_reason"] == "error" or (
        line["finish_reason"] is None and not line["response"] and line["outcome"] == Outcome.UNVERIFIABLE.value
    )
    line["judge"] = checker_version(problem.task)
    if not failed:
        check = get_task(problem.task).check(problem, line["response"])
        line |= {"answer": check.answer, "outcome": check.outcome.value}
