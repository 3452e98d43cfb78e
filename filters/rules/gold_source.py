"""Whose word a row is taken on: rows whose gold answer has a source that the recipe does not accept are rejected."""

from pydantic import Field

from filters.base import PASS, Context, Finding, Options, fail, row_filter
from filters.rows import Row
from synth.problems.base import GoldSource

EVERY: tuple[GoldSource, ...] = ("data", "rule", "vote", "judge", "model", "none")


class GoldSourceOptions(Options):
    """Options of `gold_source`."""

    accept: tuple[GoldSource, ...] = Field(
        default=EVERY,
        description="Sources that are accepted; every one by default, since the filter `answer` decides about rows without any.",
    )


@row_filter("gold_source", version="1", options=GoldSourceOptions)
def gold_source(row: Row, context: Context, options: GoldSourceOptions) -> Finding:
    """Its gold answer comes from a source that the recipe accepts; rows from before there were sources have those of data."""
    source = row.gold_source or "data"
    return PASS if source in options.accept else fail(f"gold_by_{source}")
