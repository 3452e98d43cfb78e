"""Tonight's rows against every row accepted before: equal normal forms, and similar texts.

History is an index beside the lake. It holds the shingles of the old rows: signatures find candidates, the exact
similarity decides, as it does within a night. Where history is only a table of signatures, the similarity is estimated from
128 slots per part (standard error 0.035 at 0.8), and the detail says so.
"""

import logging
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, islice
from typing import Any

import numpy as np
import pyarrow as pa

from filters.base import Context, Finding, fail
from filters.duplicates.banding import Keys, band_keys
from filters.duplicates.first_wins import SLACK
from filters.duplicates.sketch import EXACT_STRUCTURE, SCHEME, SLOTS, estimate, exact_similarity, whole
from filters.duplicates.sketches import Sketches, sketch_rows
from filters.rows import read_rows
from storage.history.index import HistoryIndex
from storage.history.run import U32, Entries, Run
from storage.lake.lake import Lake
from synth.sample import problem_of

CONFIRMED = 64
"""Candidates of one row in one run that are compared exactly: those whose signatures agree most."""

SHARED = 2
"""Bands that a row of history must share to be looked at, where the threshold is .8 or more. A pair of similarity .8 shares as
many with probability .9994; with one alone, which .99995 do, a hundred strangers that share some boilerplate are read from the
disk for each duplicate. Below .8 a pair shares fewer, and one has to do."""

_log = logging.getLogger(__name__)


def open_history(lake: Lake) -> HistoryIndex:
    """Open the index of a workspace, with everything in it that has been committed."""
    index = HistoryIndex(lake, SCHEME, read_rows_of)
    index.refresh()
    _warn_of_other_schemes(index.left_out)
    return index


def read_rows_of(table: pa.Table, samples: pa.Table, problems: Sequence[dict[str, Any]]) -> Entries:
    """Turn rows of `signatures` (of this scheme) with their texts into entries of an index."""
    context = Context(problems={row["problem_id"]: problem_of(row) for row in problems})
    sketches = sketch_rows(read_rows(samples), context, EXACT_STRUCTURE)
    sets = [sketches.of(part) for part in range(len(sketches.offsets) - 1)]
    ends = np.cumsum([len(hashes) for hashes in sets], dtype=np.uint64)
    return replace(read_entries(table), shingles=[np.zeros(0, np.uint32), *sets], ends=ends)


def read_entries(table: pa.Table) -> Entries:
    """Turn rows of `signatures` (of this scheme) into entries that know no texts."""
    count = table.num_rows
    nights = table["night"].to_pylist() if "night" in table.column_names else [""] * count
    flat = table["minhash"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    slots = flat.astype(np.uint32, copy=False).reshape(count, 2 * SLOTS)
    groups = [group(*pair) for pair in zip(table["method"].to_pylist(), table["task"].to_pylist(), strict=True)]
    exact = exact_keys(table["exact"].to_pylist())
    return Entries(table["sample_id"].to_pylist(), nights, exact, band_keys(whole(slots), groups), slots)


def exact_keys(digests: Sequence[str]) -> Keys:
    """Return digests of normal forms (32 hexadecimal digits) as pairs of numbers."""
    pairs = [(int(digest[:16], 16), int(digest[16:], 16)) for digest in digests]
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
    _warn_of_other_schemes(len(same) - sum(same))
    kept = history.filter(pa.array(same, pa.bool_()))
    return [Run.of(read_entries(kept))] if kept.num_rows else []


def same_before(
    runs: Sequence[Run], digests: Sequence[str], tonight: Container[str]
) -> dict[int, tuple[str, str | None]]:
    """Return, for each query with an equal normal form in history, the first sample id that has it, and its night.

    Rows of tonight are left out: a night that is curated again does not find itself.
    """
    first: dict[int, tuple[str, str | None]] = {}
    keys = exact_keys(digests)
    for run in runs:
        for query, row in run.same(keys):
            sample_id = run.id(row)
            if sample_id not in tonight and (query not in first or sample_id < first[query][0]):
                first[query] = (sample_id, run.night(row))
    return first


def similar_before(
    runs: Sequence[Run], tonight: Sketches, keys: Keys, ids: Container[str], *, threshold: float, cap: int
) -> dict[int, Finding]:
    """Return a finding for each row of tonight that resembles a row of history; the most similar one is named.

    Args:
        runs: History.
        tonight: Two parts per row.
        keys: Band keys of the rows.
        ids: Rows of tonight, which are left out of history.
        threshold: Similarity of both parts from which on a row is a duplicate.
        cap: Most rows of one bucket that are looked at.
    """
    slots = tonight.slots.reshape(len(keys), 2 * SLOTS)
    best: dict[int, _Match] = {}
    full = 0
    for run in runs:
        queries, rows, crowded = run.candidates(keys, cap, SHARED if threshold >= 0.8 else 1)
        full += crowded
        alike = np.zeros(len(rows))
        for part, old in run.slots(rows):
            alike[part] = estimate(old, slots[queries[part]])
        order = np.lexsort((rows, -alike, queries))
        order = order[alike[order] >= threshold - SLACK]
        by_query = groupby(order.tolist(), key=lambda index: int(queries[index]))
        chosen = [index for _, members in by_query for index in islice(members, CONFIRMED)]
        for index, sets in zip(chosen, run.sets(rows[chosen].tolist()), strict=True):
            query = int(queries[index])
            match = _confirmed(run, int(rows[index]), float(alike[index]), sets, tonight, query)
            if (
                match.alike >= threshold
                and match.sample_id not in ids
                and (query not in best or match.better(best[query]))
            ):
                best[query] = match
    if full:
        _log.warning(
            "near duplicates: %d buckets of history hold over %d rows; some duplicates may be missed", full, cap
        )
    return {query: match.finding() for query, match in best.items()}


@dataclass(frozen=True, slots=True)
class _Match:
    """A row of history that a row of tonight resembles."""

    alike: float
    sample_id: str
    night: str | None
    estimated: bool

    def better(self, other: "_Match") -> bool:
        return (-self.alike, self.sample_id) < (-other.alike, other.sample_id)

    def finding(self) -> Finding:
        more = {"estimated": True} if self.estimated else {}
        return fail("near_duplicate", kept=self.sample_id, night=self.night, similarity=round(self.alike, 4), **more)


def _confirmed(run: Run, row: int, guess: float, sets: tuple[U32, U32] | None, tonight: Sketches, query: int) -> _Match:
    """Compare a row of history exactly, where its shingles are known."""
    alike = guess if sets is None else exact_similarity(tonight.of(2 * query), tonight.of(2 * query + 1), *sets)
    return _Match(alike, run.id(row), run.night(row), sets is None)


def _warn_of_other_schemes(left_out: int) -> None:
    if left_out:
        _log.warning("near duplicates: %d rows of history have another scheme than %s", left_out, SCHEME)
