"""Whether several answers to a row's question end alike (self-consistency, arXiv:2203.11171): one that is right alone may be luck.

    filters:
      agreement: {least: 1}       # of `cot: {samples: 4}` only problems are learned whose four answers are one

Purity is paid for with the hardest problems. Rows of which one answer was asked for pass.
"""

from pydantic import Field

from filters.base import PASS, Context, Finding, Options, fail, row_filter
from filters.rows import Row
from synth.notes import SftNotes


class AgreementOptions(Options):
    """Options of `agreement`."""

    least: float = Field(
        default=0,
        ge=0,
        le=1,
        description="Share of the answers to the row's question that must end as it does; 0 asks nothing.",
    )


@row_filter("agreement", version="1", options=AgreementOptions)
def agreement(row: Row, context: Context, options: AgreementOptions) -> Finding:
    """At least that share of the answers to the row's question end as it does."""
    share = row.notes.agreement if isinstance(row.notes, SftNotes) else None
    return PASS if share is None or share >= options.least else fail("answers_disagree", share=share)
