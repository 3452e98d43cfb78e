"""A rubric: a model grades rows from 1 to 5 by two prompts, and rejects nothing before it has proved that it can tell.

    models:
      grader: {engine: vllm, endpoint: ..., name: ..., revision: ...}
    filters:
      rubric: {role: grader}

Graded are the rows that no row filter rejects, and a sample of those that were rejected for a wrong answer; a model never
grades a row that it wrote a part of. Where the correctness scores agree with the checked answers (Cohen's kappa, the lower end
of its 95 % bootstrap interval), low scores reject; where they do not, or too few answers are known, the scores are only recorded.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from pydantic import Field

from filters.asking.rubric.agreement import Agreement, agreement
from filters.base import PASS, AskingOptions, Context, Finding, fail, night_filter
from filters.findings import pass_but
from filters.questions import Asks, Chat, Evidence, NightRows, Reading
from filters.row_blocks import ids_of
from filters.rows import Row
from filters.text import clean
from storage.ids import seed_from
from synth.engines.base import Sampling
from synth.problems.steps import thoughts_end

ASPECTS = ("correctness", "clarity")
"""What is graded; the prompts are `<aspect>.jinja`, beside this file."""
GRADED = ("sft", "preference")
"""Kinds of rows that are graded."""

_SCORE = re.compile(
    r"^[^\w\n]*score(?:(?!-\s*\d)\W)*([1-5])(?![\d%]|[.,]\d|\s*(?:%|percent|to\b|[-–]|/\s*(?!5\b)|out\s+of\s+(?!(?:5|five)\b)|or\b))",
    re.IGNORECASE | re.MULTILINE,
)

Grades = Mapping[str, Mapping[str, float | None]]
"""Scores by sample id and aspect; None where none could be read."""


class RubricOptions(AskingOptions):
    """Options of `rubric`. All numbers are our own choice."""

    role: str | None = Field(default=None, description="Role in the recipe's models that grades; None asks nobody.")
    least: int = Field(default=4, ge=2, le=5, description="Both scores must reach this.")
    audit: int = Field(
        default=200, ge=0, description="Rows with a wrong answer that are graded too, to test the grader."
    )
    least_kappa: float = Field(
        default=0.6,
        ge=0,
        le=1,
        description="Agreement with checked answers that the grader must show, at the lower end.",
    )
    least_known: int = Field(default=30, ge=1, description="Right and wrong rows, of each, that must have been graded.")
    max_tokens: int = Field(default=256, ge=8, description="Upper bound on a grade with its sentence.")


def questions(night: NightRows, options: RubricOptions) -> Iterator[Chat]:
    """Ask for every aspect of each row that is graded."""
    sampling = Sampling(0.0, options.max_tokens, 1.0, (), None)
    for row in _graded(night, options):
        problem = night.problems[row.problem_id or ""]
        question = row.notes.question
        if question is not None and question.gold is not None:  # the method made the question
            problem = replace(problem, prompt=row.asked, gold=question.gold)
        for aspect in ASPECTS:
            # The seed's first word is older than the filter's name: with another one, old nights would be asked anew.
            first = seed_from("judge order", row.sample_id, aspect) % 2 == 0
            inputs = {"answer": clean(row.learned), "reference_first": first}
            yield Chat(row.sample_id, aspect, aspect, problem, inputs, sampling)


def _graded(night: NightRows, options: RubricOptions) -> list[Row]:
    rows = [
        row
        for row in night.rows
        if row.kind in GRADED
        and row.problem_id in night.problems
        and row.learned.strip()
        and night.model not in night.writers.get(row.sample_id, ())
    ]
    wrong = sorted(
        (row for row in rows if night.correct.get(row.sample_id) is False and row.sample_id not in night.standing),
        key=lambda row: seed_from("audit", row.sample_id),
    )
    return [*(row for row in rows if row.sample_id in night.standing), *wrong[: options.audit]]


def read(reply: str) -> Reading:
    """Return the score of the last line of the form `Score: 4`."""
    scores = _SCORE.findall(reply[thoughts_end(reply) :])
    return Reading(float(scores[-1])) if scores else Reading(None, "unreadable")


def agreement_of(grades: Grades, correct: Mapping[str, bool], options: RubricOptions) -> Agreement:
    """Measure the agreement of correctness scores with checked answers; a score that is missing calls nothing right."""
    return agreement([
        (correct[sample_id], (scores.get("correctness") or 0) >= options.least)
        for sample_id, scores in sorted(grades.items())
        if sample_id in correct
    ])  # fmt: skip


@night_filter(
    "rubric",
    version="1",
    options=RubricOptions,
    asks=Asks(
        questions,
        read,
        makes=frozenset(GRADED),
        per_row=len(ASPECTS),
        max_tokens=lambda options: options.max_tokens,
    ),
)
def rubric(rows: Sequence[Row], context: Context, options: RubricOptions) -> Mapping[str, Finding]:
    """A grader that agrees with checked answers scores the row high enough; rows that nobody graded pass."""
    evidence = context.evidence_of("rubric")
    if options.role is None or not evidence:
        return pass_but(ids_of(rows), {})
    grades = {sample_id: _values(by_aspect) for sample_id, by_aspect in evidence.items()}
    trust = agreement_of(grades, context.correct, options)
    may_reject = trust.least >= options.least_known and trust.kappa_interval[0] >= options.least_kappa
    figures = {
        "kappa": round(trust.kappa, 3), "kappa_low": round(trust.kappa_interval[0], 3), "may_reject": may_reject,
        "balanced_accuracy": round(trust.balanced_accuracy, 3), "known": trust.right + trust.wrong,
    }  # fmt: skip
    return {sample_id: _finding(grades.get(sample_id), figures, options) for sample_id in ids_of(rows)}


def _values(by_aspect: Mapping[str, Evidence]) -> dict[str, float | None]:
    return {aspect: None if item.value is None else int(item.value) for aspect, item in by_aspect.items()}


def _finding(
    scores: Mapping[str, float | None] | None, figures: Mapping[str, object], options: RubricOptions
) -> Finding:
    if scores is None:
        return PASS
    detail = {**scores, **figures}
    if not figures["may_reject"]:
        return Finding("pass", detail=detail)
    for aspect in ASPECTS:
        score = scores.get(aspect)
        if score is None:
            return Finding("unknown", "no_score", detail)
        if score < options.least:
            return fail(f"low_{aspect}", **detail)
    return Finding("pass", detail=detail)
