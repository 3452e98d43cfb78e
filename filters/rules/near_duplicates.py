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
from filters.duplicates.history import past_runs, similar_before
from filters.duplicates.sketch import EXACT_STRUCTURE
from filters.duplicates.tonight import SketchedBlock, first_of_night, sketch_night
from filters.findings import by_number
from filters.night_ids import flags, lookup
from filters.row_blocks import ids_of, nights_of
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
    sketched, ids = sketch_night(rows, context, options.exact_structure), ids_of(rows)
    past = _before(rows, context, sketched, ids, options)
    may, old = flags(ids, context.eligible), np.zeros(len(ids), np.uint8)
    old[list(past)] = 1
    tonight = first_of_night(sketched, may, old, threshold=options.threshold, cap=options.cap, spread=context.spread)
    if tonight.full:
        _log.warning(
            "near duplicates: buckets hold over %d rows (%d times); some duplicates may be missed",
            options.cap,
            tonight.full,
        )
    nights = nights_of(rows)

    def finding(number: int) -> Finding:
        first = int(tonight.kept[number])
        if first < 0:
            return past.get(number, PASS)
        alike = round(float(tonight.similarity[number]), 4)
        return fail("near_duplicate", kept=ids[first], night=nights[first], similarity=alike)

    return by_number(ids, finding)


def _before(
    rows: Sequence[Row],
    context: Context,
    sketched: Sequence[SketchedBlock],
    ids: Sequence[str],
    options: NearDuplicateOptions,
) -> dict[int, Finding]:
    """Return findings of the rows that resemble a row of history, by their numbers.

    Sketches of history are made with the default tasks of exact structure.
    """
    runs = past_runs(context)
    if not runs:
        return {}
    if options.exact_structure != EXACT_STRUCTURE:
        sketched = sketch_night(rows, context, EXACT_STRUCTURE)
    tonight = lookup(ids)
    past: dict[int, Finding] = {}
    start = 0
    for block in sketched:
        before = similar_before(runs, block.sketches, block.keys, tonight, threshold=options.threshold, cap=options.cap)
        past |= {start + index: finding for index, finding in before.items()}
        start += len(block.keys)
    return past
