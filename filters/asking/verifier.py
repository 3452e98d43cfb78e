"""A trained verifier: how likely each answer is to be right. Recorded; it rejects below a limit, if a recipe sets one.

    models:
      verifier: {engine: verifier, checkpoint: verifier}
    filters:
      verifier: {role: verifier, least: 0.3}

Asked about are the rows that no row filter rejects, and a sample of those whose answer the checker calls wrong: so each score
stands beside how often answers with such a score were right tonight (`right_of_bin`, of `known_in_bin` that the checker decides, in
ten bins). Where too few are known, or answers that score below the limit are right no less often than the others, nothing is
rejected: a verifier that cannot tell tonight's rows apart has no say (arXiv:2110.14168 ranks by it; the rule is ours).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import Field

from filters.base import PASS, AskingOptions, Context, Finding, fail, night_filter
from filters.findings import pass_but
from filters.questions import Answered, Asks, Evidence, NightRows, Reading
from filters.row_blocks import ids_of
from filters.rows import Row
from filters.text import clean
from storage.ids import seed_from

BINS = 10
ASKED = ("sft",)
"""Kinds of rows that are asked about."""


class VerifierOptions(AskingOptions):
    """Options of `verifier`; as they are it asks nobody and rejects nothing. All numbers are our own choice."""

    role: str | None = Field(default=None, description="Role in the recipe's models that scores; None asks nobody.")
    least: float | None = Field(
        default=None, gt=0, lt=1, description="Lowest score of a row that passes; None only records."
    )
    audit: int = Field(
        default=200, ge=0, description="Rows with a wrong answer that are scored too, to test the verifier."
    )
    least_known: int = Field(
        default=30, ge=1, description="Rows below and above the limit, of each, that the checker must have decided."
    )


def questions(night: NightRows, options: VerifierOptions) -> Iterator[Answered]:
    """Ask about each row that stands, and about some whose answer is wrong."""
    rows = [row for row in night.rows if row.kind in ASKED and row.asked.strip() and row.learned.strip()]
    wrong = sorted(
        (row for row in rows if night.correct.get(row.sample_id) is False and row.sample_id not in night.standing),
        key=lambda row: seed_from("audit", row.sample_id),
    )
    for row in [*(row for row in rows if row.sample_id in night.standing), *wrong[: options.audit]]:
        yield Answered(row.sample_id, "score", clean(row.asked), clean(row.learned))


def read(reply: str) -> Reading:
    """Return the score."""
    return Reading(float(json.loads(reply)["score"]))


@night_filter(
    "verifier",
    version="1",
    options=VerifierOptions,
    asks=Asks(questions, read, verifies=True, makes=frozenset(ASKED)),
)
def verifier(rows: Sequence[Row], context: Context, options: VerifierOptions) -> Mapping[str, Finding]:
    """The verifier's score reaches the limit, where the recipe sets one and it can tell tonight's rows apart; else it observes."""
    if options.role is None:
        return pass_but(ids_of(rows), {})
    evidence = {sample_id: by_name.get("score") for sample_id, by_name in context.evidence_of("verifier").items()}
    known = [
        (item.value, context.correct[sample_id])
        for sample_id, item in sorted(evidence.items())
        if item is not None and item.value is not None and sample_id in context.correct
    ]
    may_reject = options.least is not None and tells_apart(known, options.least, options.least_known)
    return {sample_id: _finding(evidence.get(sample_id), known, may_reject, options) for sample_id in ids_of(rows)}


def tells_apart(known: Sequence[tuple[float, bool]], least: float, enough: int) -> bool:
    """Whether answers that score below a limit are right less often than the others, and enough of both are known."""
    below, above = ([right for score, right in known if (score < least) is side] for side in (True, False))
    if min(len(below), len(above)) < enough:
        return False
    return sum(below) / len(below) < sum(above) / len(above)


def _finding(
    evidence: Evidence | None, known: Sequence[tuple[float, bool]], may_reject: bool, options: VerifierOptions
) -> Finding:
    if evidence is None:  # rejected before, or of another kind
        return PASS
    if evidence.value is None:
        return (
            Finding("unknown", evidence.text) if may_reject else Finding("pass", detail={"not_scored": evidence.text})
        )
    same = [right for score, right in known if _bin(score) == _bin(evidence.value)]
    detail: dict[str, Any] = {
        "score": round(evidence.value, 4), "right_of_bin": round(sum(same) / len(same), 3) if same else None,
        "known_in_bin": len(same), "may_reject": may_reject, "model": evidence.model,
    }  # fmt: skip
    if may_reject and options.least is not None and evidence.value < options.least:
        return fail("low_score", **detail, limit=options.least)
    return Finding("pass", detail=detail)


def _bin(score: float) -> int:
    return min(BINS - 1, int(score * BINS))
