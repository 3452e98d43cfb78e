"""Rows that teach nearly what another row teaches: MinHash finds candidates, the exact similarity decides.

Compared are rows of one method and one task. A row is a duplicate of the *kept* row that it resembles, never of a
chain of duplicates between them, so nothing is dropped that does not resemble something kept. Against history, of which
only the signatures are there, the similarity is estimated (standard error 0.035 at 0.8) and the detail says so.
"""

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from pydantic import Field

from filters.banding import BANDS, Buckets, Keys, SortedBands, band_keys
from filters.base import PASS, Context, Finding, Options, fail, night_filter
from filters.rows import Row
from filters.sketch import SCHEME, SLOTS, Sketch, estimate, similarity, sketch, whole

_log = logging.getLogger(__name__)

_SLACK = 0.15  # a candidate whose slots agree this much less than the threshold is not worth confirming: over 4 sigma


class NearDuplicateOptions(Options):
    """Options of `near_duplicates`."""

    threshold: float = Field(
        default=0.8, gt=0, le=1, description="Jaccard similarity of both parts from which on it is a duplicate."
    )
    exact_structure: frozenset[str] = Field(
        default=frozenset({"arithmetic", "knights_knaves"}),
        description="Tasks whose canonical structure says exactly whether two problems are the same: rows about "
        "different ones are never duplicates of each other.",
    )
    cap: int = Field(default=256, ge=1, description="Most rows of one bucket that are looked at.")


@night_filter("near_duplicates", version="1", options=NearDuplicateOptions)
def near_duplicates(rows: Sequence[Row], context: Context, options: NearDuplicateOptions) -> Mapping[str, Finding]:
    """No row kept before it, by sample id or in history, has a similarity of the threshold or more."""
    if not rows:
        return {}
    sketches = [sketch(row, context, options.exact_structure) for row in rows]
    slots = np.stack([item.slots for item in sketches])
    keys = band_keys(whole(slots), [_group(row.method, row.task) for row in rows])
    past = _History.read(context.history, {row.sample_id for row in rows}, options)
    buckets = Buckets(options.cap)
    findings: dict[str, Finding] = {}
    for index, row in enumerate(rows):
        finding = past.find(sketches[index], keys[index]) if past else PASS
        if finding is PASS:
            finding = _tonight(index, buckets.candidates(keys[index]), rows, sketches, slots, options.threshold)
        findings[row.sample_id] = finding
        if finding is PASS and context.may_represent(row):
            buckets.insert(index, keys[index])
    if full := len(buckets.full) + (len(past.full) if past else 0):
        _log.warning("near duplicates: %d buckets hold over %d rows; some duplicates may be missed", full, options.cap)
    return findings


def _group(method: str | None, task: str | None) -> str:
    return f"{method}\0{task}"


def _tonight(
    index: int,
    candidates: Sequence[int],
    rows: Sequence[Row],
    sketches: Sequence[Sketch],
    slots: np.ndarray[tuple[int, ...], np.dtype[np.uint32]],
    threshold: float,
) -> Finding:
    if not candidates:
        return PASS
    share = (whole(slots[list(candidates)]) == whole(slots[index])).mean(axis=1)
    best, kept = 0.0, -1
    for candidate, close in zip(candidates, share >= threshold - _SLACK, strict=True):
        if close and (found := similarity(sketches[index], sketches[candidate])) > best:
            best, kept = found, candidate
    if best < threshold:
        return PASS
    return fail("near_duplicate", kept=rows[kept].sample_id, night=rows[kept].night, similarity=round(best, 4))


class _History:
    """Signatures of history, sorted by sample id, with an index over their bands."""

    def __init__(self, table: pa.Table, options: NearDuplicateOptions) -> None:
        self._ids = table["sample_id"].to_pylist()
        self._nights = table["night"].to_pylist() if "night" in table.column_names else [None] * len(self._ids)
        flat = table["minhash"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        self._slots = flat.astype(np.uint32, copy=False).reshape(len(self._ids), 2 * SLOTS)
        groups = [_group(*pair) for pair in zip(table["method"].to_pylist(), table["task"].to_pylist(), strict=True)]
        self._bands = SortedBands(band_keys(whole(self._slots), groups), options.cap)
        self._threshold = options.threshold

    @property
    def full(self) -> set[int]:
        """Buckets that hold more rows than were looked at."""
        return self._bands.full

    @classmethod
    def read(cls, table: pa.Table | None, tonight: set[str], options: NearDuplicateOptions) -> "_History | None":
        """Read the signatures that can be compared; tonight's own are left out (a night that is judged again)."""
        if table is None or table.num_rows == 0:
            return None
        schemes, ids = table["scheme"].to_pylist(), table["sample_id"].to_pylist()
        same = [index for index, scheme in enumerate(schemes) if scheme == SCHEME]
        if len(same) < len(schemes):
            _log.warning(
                "near duplicates: %d rows of history have another scheme than %s", len(schemes) - len(same), SCHEME
            )
        order = sorted((index for index in same if ids[index] not in tonight), key=lambda index: ids[index])
        return cls(table.take(order), options) if order else None

    def find(self, item: Sketch, keys: Keys) -> Finding:
        """Say whether a row is a duplicate of one in history."""
        assert keys.shape == (BANDS,)
        candidates = self._bands.candidates(keys)
        if not len(candidates):
            return PASS
        found = estimate(self._slots[candidates], item.slots)
        best = int(found.argmax())
        if found[best] < self._threshold:
            return PASS
        kept = int(candidates[best])
        return fail(
            "near_duplicate",
            kept=self._ids[kept],
            night=self._nights[kept],
            similarity=round(float(found[best]), 4),
            estimated=True,
        )
