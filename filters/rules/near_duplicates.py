"""Rows that teach nearly what another row teaches: MinHash finds candidates, the exact similarity decides.

Compared are rows of one method and one task. A row is a duplicate of the *kept* row that it resembles, never of a
chain of duplicates between them, so nothing is dropped that does not resemble something kept. History is compared in the
same way (`filters.duplicates.history`).
"""

import logging
from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import Field

from filters.base import PASS, Context, Finding, Options, fail, night_filter
from filters.duplicates.banding import Keys, band_keys
from filters.duplicates.first_wins import first_wins
from filters.duplicates.history import group, past_runs, similar_before
from filters.duplicates.sketch import EXACT_STRUCTURE
from filters.duplicates.sketches import Sketches, sketch_rows
from filters.rows import Row

_log = logging.getLogger(__name__)


class NearDuplicateOptions(Options):
    """Options of `near_duplicates`."""

    threshold: float = Field(
        default=0.8, gt=0, le=1, description="Jaccard similarity of both parts from which on it is a duplicate."
    )
    exact_structure: frozenset[str] = Field(
        default=EXACT_STRUCTURE,
        description="Tasks whose canonical structure says exactly whether two problems are the same: rows about "
        "different ones are never duplicates of each other.",
    )
    cap: int = Field(default=256, ge=1, description="Most rows of one bucket that are looked at.")


@night_filter("near_duplicates", version="1", options=NearDuplicateOptions)
def near_duplicates(rows: Sequence[Row], context: Context, options: NearDuplicateOptions) -> Mapping[str, Finding]:
    """No row kept before it, by sample id or in history, has a similarity of the threshold or more."""
    if not rows:
        return {}
    sketches = sketch_rows(rows, context, options.exact_structure)
    keys = band_keys(sketches.whole, [group(row.method, row.task) for row in rows])
    past = _before(rows, context, sketches, keys, options)
    may = np.array([context.may_represent(row) for row in rows], np.uint8)
    old = np.array([index in past for index in range(len(rows))], np.uint8)
    tonight = first_wins(sketches, keys, may, old, threshold=options.threshold, cap=options.cap)
    if tonight.full:
        _log.warning(
            "near duplicates: buckets hold over %d rows (%d times); some duplicates may be missed",
            options.cap,
            tonight.full,
        )
    findings = {}
    for index, (row, kept, alike) in enumerate(
        zip(rows, tonight.kept.tolist(), tonight.similarity.tolist(), strict=True)
    ):
        if kept >= 0:
            first = rows[kept]
            findings[row.sample_id] = fail(
                "near_duplicate", kept=first.sample_id, night=first.night, similarity=round(alike, 4)
            )
        else:
            findings[row.sample_id] = past.get(index, PASS)
    return findings


def _before(
    rows: Sequence[Row], context: Context, sketches: Sketches, keys: Keys, options: NearDuplicateOptions
) -> dict[int, Finding]:
    """Compare with history, whose sketches are made with the default tasks of exact structure."""
    runs = past_runs(context)
    if not runs:
        return {}
    if options.exact_structure != EXACT_STRUCTURE:
        sketches = sketch_rows(rows, context, EXACT_STRUCTURE)
        keys = band_keys(sketches.whole, [group(row.method, row.task) for row in rows])
    ids = {row.sample_id for row in rows}
    return similar_before(runs, sketches, keys, ids, threshold=options.threshold, cap=options.cap)
