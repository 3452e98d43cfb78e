"""Tonight's rows against every row accepted before: equal normal forms, and similar signatures.

History is an index beside the lake, or, for a few rows, a table of signatures. Of old rows only the signatures are
there: the similarity is estimated from 128 slots per part (standard error 0.035 at 0.8), and the detail says so.
"""

import logging
from collections.abc import Sequence
from itertools import groupby

import numpy as np
import pyarrow as pa

from filters.banding import Keys, band_keys
from filters.base import Context, Finding, fail
from filters.sketch import SCHEME, SLOTS, Array, estimate, whole
from storage.history_index import HistoryIndex
from storage.history_run import Entries, Run
from storage.lake import Lake

_log = logging.getLogger(__name__)


def open_history(lake: Lake) -> HistoryIndex:
    """Open the index of a workspace, with everything in it that has been committed."""
    index = HistoryIndex(lake, SCHEME, read_entries)
    index.refresh()
    _tell(index.left_out)
    return index


def read_entries(table: pa.Table) -> Entries:
    """Turn rows of `signatures` (of this scheme) into entries of an index."""
    count = table.num_rows
    nights = table["night"].to_pylist() if "night" in table.column_names else [""] * count
    flat = table["minhash"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    slots = flat.astype(np.uint32, copy=False).reshape(count, 2 * SLOTS)
    groups = [group(*pair) for pair in zip(table["method"].to_pylist(), table["task"].to_pylist(), strict=True)]
    exact = exact_keys(table["exact"].to_pylist())
    return Entries(table["sample_id"].to_pylist(), nights, exact, band_keys(whole(slots), groups), slots)


def exact_keys(digests: Sequence[str]) -> Keys:
    """Return digests of normal forms (32 hexadecimal digits) as pairs of numbers."""
    pairs = [(int(one[:16], 16), int(one[16:], 16)) for one in digests]
    return np.array(pairs, np.uint64).reshape(len(pairs), 2)


def group(method: str | None, task: str | None) -> str:
    """Name the rows that are compared with each other."""
    return f"{method}\0{task}"


def past_runs(context: Context) -> list[Run]:
    """Return the runs of history; a table becomes one."""
    history = context.history
    if history is None or isinstance(history, HistoryIndex):
        return history.runs if history else []
    same = [scheme == SCHEME for scheme in history["scheme"].to_pylist()]
    _tell(len(same) - sum(same))
    kept = history.filter(pa.array(same, pa.bool_()))
    return [Run.of(read_entries(kept))] if kept.num_rows else []


def same_before(runs: Sequence[Run], digests: Sequence[str], tonight: set[str]) -> dict[int, tuple[str, str | None]]:
    """Return, for each query with an equal normal form in history, the first sample id that has it, and its night.

    Rows of tonight are left out: a night that is judged again does not find itself.
    """
    found: dict[int, tuple[str, str | None]] = {}
    keys = exact_keys(digests)
    for run in runs:
        for query, row in run.same(keys):
            sample_id = run.id(row)
            if sample_id not in tonight and (query not in found or sample_id < found[query][0]):
                found[query] = (sample_id, run.night(row))
    return found


def similar_before(
    runs: Sequence[Run], slots: Array, keys: Keys, tonight: set[str], *, threshold: float, cap: int
) -> dict[int, Finding]:
    """Return a finding for each query that resembles a row of history; the most similar one is named."""
    best: dict[int, tuple[float, str, str | None]] = {}
    full = 0
    for run in runs:
        queries, rows, crowded = run.candidates(keys, cap)
        full += crowded
        alike = np.zeros(len(rows))
        for part, old in run.slots(rows):
            alike[part] = estimate(old, slots[queries[part]])
        close = np.flatnonzero(alike >= threshold)
        order = close[np.lexsort((rows[close], -alike[close], queries[close]))]
        for query, members in groupby(order.tolist(), key=lambda index: int(queries[index])):
            hit = _first(run, [(float(alike[index]), int(rows[index])) for index in members], tonight)
            if hit and (query not in best or (-hit[0], hit[1]) < (-best[query][0], best[query][1])):
                best[query] = hit
    if full:
        _log.warning(
            "near duplicates: %d buckets of history hold over %d rows; some duplicates may be missed", full, cap
        )
    return {
        query: fail("near_duplicate", kept=sample_id, night=night, similarity=round(alike, 4), estimated=True)
        for query, (alike, sample_id, night) in best.items()
    }


def _first(run: Run, members: Sequence[tuple[float, int]], tonight: set[str]) -> tuple[float, str, str | None] | None:
    """Of the most similar rows that are not of tonight, the one with the first id."""
    for alike, level in groupby(members, key=lambda item: item[0]):
        named = sorted((run.id(row), row) for _, row in level)
        for sample_id, row in named:
            if sample_id not in tonight:
                return alike, sample_id, run.night(row)
    return None


def _tell(left_out: int) -> None:
    if left_out:
        _log.warning("near duplicates: %d rows of history have another scheme than %s", left_out, SCHEME)
