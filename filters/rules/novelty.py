"""Questions that a method wrote and that were asked before, in nearly the same words: refused with the neighbour's id.

Compared are the questions that rows say they ask (`question.text` in their notes) with every problem that an earlier night drew,
and every question that a method wrote for a row that was accepted. The problem that a question was made from is no neighbour of it.
"""

from collections.abc import Mapping, Sequence

from pydantic import Field

from filters.base import Context, Finding, Options, fail, night_filter
from filters.duplicates.questions import nearest_question
from filters.findings import pass_but
from filters.night_ids import lookup
from filters.row_blocks import ids_of
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
    ids, findings = ids_of(rows), dict[str, Finding]()
    if context.questions is None:
        return pass_but(ids, findings)
    asking = [
        (row.sample_id, row.problem_id or "", row.notes.question.text)
        for row in rows
        if row.notes.question is not None and row.notes.question.text
    ]
    neighbours = nearest_question(
        context.questions.runs,
        [text for _, _, text in asking],
        [problem_id for _, problem_id, _ in asking],
        lookup(ids),
        threshold=options.threshold,
    )
    for (sample_id, _, _), near in zip(asking, neighbours, strict=True):
        if near is not None:
            findings[sample_id] = fail("asked_before", neighbour=near.id, night=near.night, similarity=near.similarity)
    return pass_but(ids, findings)
