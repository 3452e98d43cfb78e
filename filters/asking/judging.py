"""Asks the judge: which rows, in which order of their parts, and what of its answers is kept.

Judged are the rows that no row filter rejects, and a sample of those that were rejected for a wrong answer. A model never
judges a row that it wrote a part of.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from filters.asking.asking import ask_once, known_role
from filters.asking.judge import ASPECTS, JudgeOptions
from filters.evidence import Judgements
from filters.rows import Row, read_rows
from filters.text import clean
from storage.ids import seed_from
from storage.lake import nights
from storage.lake.lake import Lake
from synth.calls.ask import Asker
from synth.engines.base import Sampling
from synth.problems.base import Problem

_SCORE = re.compile(r"^\W*score\W*([1-5])\b(?!\s*(?:to|-|/\s*[^5]))", re.IGNORECASE | re.MULTILINE)
JUDGED = ("sft", "preference")
"""Kinds of rows that a judge reads."""


def read_score(text: str) -> int | None:
    """Return the score of the last line of the form `Score: 4`; None without one."""
    found = _SCORE.findall(text.rpartition("</think>")[2])
    return int(found[-1]) if found else None


async def judge_night(
    lake: Lake,
    night: str,
    asker: Asker,
    options: JudgeOptions,
    standing: Iterable[str],
    problems: Mapping[str, Problem],
) -> int:
    """Ask for the scores of a night's rows and commit them, once per night.

    Args:
        lake: The lake.
        night: The night.
        asker: The night's asker; it knows `options.role`.
        options: Options of the filter `judge`.
        standing: Rows that no verdict so far rejects.
        problems: Problems by id.

    Returns:
        How many rows were judged now.

    Raises:
        RecipeError: The recipe names no model for the role.
        ModelServerError: The judge cannot be reached; the same command goes on later.
    """
    if lake.has(f"judge:{night}"):
        return 0
    role = known_role(asker, "judge", options.role)
    chosen = _choose(lake, night, set(standing), options, asker.engines[role].model, problems)
    questions = [
        (
            {"sample_id": row.sample_id, "aspect": aspect},
            partial(_ask, asker, options, row, aspect, problems[row.problem_id or ""]),
        )
        for row in chosen
        for aspect in ASPECTS
    ]
    await ask_once(lake, night, "judge", "judgements", questions)
    return len(chosen)


def read_judgements(lake: Lake, night: str) -> Judgements:
    """Return a night's scores, and which of the rows a checker knows to be right or wrong."""
    scores: dict[str, dict[str, int | None]] = {}
    for row in lake.rows("select sample_id, aspect, score from judgements where night = ? order by all", [night]):
        scores.setdefault(row["sample_id"], {})[row["aspect"]] = row["score"]
    return Judgements(scores, _known(lake, night))


def _known(lake: Lake, night: str) -> dict[str, bool]:
    verdicts = nights.night_verdicts(lake, night)
    columns = (verdicts[name].to_pylist() for name in ("sample_id", "filter", "outcome"))
    found = {one: outcome for one, name, outcome in zip(*columns, strict=True) if name == "answer"}
    return {one: outcome == "pass" for one, outcome in found.items() if outcome in ("pass", "fail")}


def _choose(
    lake: Lake, night: str, standing: set[str], options: JudgeOptions, judge: str, problems: Mapping[str, Problem]
) -> Sequence[Row]:
    samples = nights.night_samples(lake, night)
    by_judge = {
        one
        for one, models in zip(samples["sample_id"].to_pylist(), samples["models"].to_pylist(), strict=True)
        if judge in (models or ())
    }
    rows = [row for row in read_rows(samples) if row.kind in JUDGED and row.problem_id in problems]
    rows = [row for row in rows if row.learned.strip() and row.sample_id not in by_judge]
    known = _known(lake, night)
    wrong = sorted(
        (row for row in rows if known.get(row.sample_id) is False and row.sample_id not in standing),
        key=lambda row: seed_from("audit", row.sample_id),
    )
    return [*(row for row in rows if row.sample_id in standing), *wrong[: options.audit]]


async def _ask(asker: Asker, options: JudgeOptions, row: Row, aspect: str, problem: Problem) -> dict[str, Any]:
    question = row.notes.question
    if question is not None and question.gold is not None:  # the method made the question
        problem = replace(problem, prompt=row.asked, gold=question.gold)
    inputs = {"answer": clean(row.learned), "reference_first": seed_from("judge order", row.sample_id, aspect) % 2 == 0}
    sampling = Sampling(0.0, options.max_tokens, 1.0, (), None)
    reply = await asker.ask(str(options.role), f"judge/{aspect}", problem, inputs, sampling, "0.0", "judge")
    score = read_score(reply.text)
    reason = None if score is not None else "unreadable"
    return {"score": score, "reason": reason, "call_id": reply.call_id, "model": reply.model}
