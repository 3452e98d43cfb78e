"""Questions that a method wrote and that were asked before, in nearly the same words: refused with the neighbour's id.

Compared are the questions that rows say they ask (`question.text` in their notes) with every problem that an earlier night drew,
and every question that a method wrote for a row that was accepted. The problem that a question was made from is no neighbour of it.
"""

from collections.abc import Mapping, Sequence

from pydantic import Field

from filters.base import PASS, Context, Finding, Options, fail, night_filter
from filters.duplicates.questions import nearest_question
from filters.rows import Row


class NoveltyOptions(Options):
    """Options of `novelty`."""

    threshold: float = Field(
        default=0.7,
        gt=0,
        le=1,
        description="Jaccard similarity, of five words in a row, from which on it is not new; at .7 99 % of the pairs are seen.",
    )


@night_filter("novelty", version="1", options=NoveltyOptions)
def novelty(rows: Sequence[Row], context: Context, options: NoveltyOptions) -> Mapping[str, Finding]:
    """The question that its method wrote is not nearly one that was asked in an earlier night."""
    findings = {row.sample_id: PASS for row in rows}
    if context.questions is None:
        return findings
    asking = [
        (row, row.notes.question.text) for row in rows if row.notes.question is not None and row.notes.question.text
    ]
    tonight = {row.sample_id for row in rows}
    neighbours = nearest_question(
        context.questions.runs,
        [text for _, text in asking],
        [frozenset({row.problem_id or "", *tonight}) for row, _ in asking],
        threshold=options.threshold,
    )
    for (row, _), near in zip(asking, neighbours, strict=True):
        if near is not None:
            findings[row.sample_id] = fail(
                "asked_before", neighbour=near.id, night=near.night, similarity=near.similarity
            )
    return findings
