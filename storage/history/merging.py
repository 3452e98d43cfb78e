"""Two runs of the history index become one, from files to files: in memory are some megabytes, however many rows they have."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from storage.history.run import Run, forget, sealed

_AT_ONCE = 1 << 20  # entries of a column

Column = npt.NDArray[Any]


def merge_runs(left: Run, right: Run, folder: Path, **more: str) -> Run:
    """Write the rows of two runs on disk, the left one's first, as a run, and open it.

    Args:
        left: One run.
        right: The other.
        folder: Where the new one is written; it exists and is empty.
        more: What goes into its `run.json`.
    """
    shapes: dict[str, list[int]] = {}
    bands = len(left.columns["bands.u64"])
    for names in (["bands.u64", "band_rows.u32"], ["exact.u64", "exact_rest.u64", "exact_rows.u32"]):
        parts = [[np.atleast_2d(run.columns[name]) for name in names] for run in (left, right)]
        with ExitStack() as stack:
            files = [stack.enter_context((folder / name).open("wb")) for name in names]
            for band in range(len(parts[0][0])):
                sides = [[column[band] for column in side] for side in parts]
                for pieces in _merged(*sides, shift=left.rows):
                    for piece, file in zip(pieces, files, strict=True):
                        piece.tofile(file)
        rows = left.rows + right.rows
        shapes |= dict.fromkeys(names, [bands, rows] if names[0] == "bands.u64" else [rows])
    texts = ["shingles.u32"] if len(left.columns["shingle_ends.u64"]) and len(right.columns["shingle_ends.u64"]) else []
    for name in ("slots.u32", *texts, "ids.bytes"):
        shapes[name] = _joined(left, right, name, folder / name)
    for name, of in (("shingle_ends.u64", "shingles.u32"), ("id_ends.u64", "ids.bytes")):
        columns = [run.columns[name] for run in (left, right)] if of in shapes else []
        shapes[name] = [_write(_shifted(columns, len(left.columns[of])), folder / name)]
    if not texts:
        shapes["shingles.u32"] = [_write([], folder / "shingles.u32")]
    nights = sorted({*left.nights, *right.nights})
    renumbered = (np.searchsorted(nights, run.nights)[run.columns["night.u32"]] for run in (left, right))
    shapes["night.u32"] = [_write((part.astype(np.uint32) for part in renumbered), folder / "night.u32")]
    record = {**more, "rows": left.rows + right.rows, "nights": nights, "shapes": shapes}
    return sealed(folder, record)


def _merged(left: Sequence[Column], right: Sequence[Column], *, shift: int) -> Iterator[list[Column]]:
    """Yield pieces of columns that go along with a sorted one, the first; the last holds numbers of rows."""
    longer = max(left[0], right[0], key=len)
    cuts = np.array(longer[_AT_ONCE::_AT_ONCE])
    edges = [[0, *np.searchsorted(side[0], cuts).tolist(), len(side[0])] for side in (left, right)]
    for piece in range(len(cuts) + 1):
        parts = [
            [column[edge[piece] : edge[piece + 1]] for column in side]
            for side, edge in zip((left, right), edges, strict=True)
        ]
        parts[1][-1] = parts[1][-1] + np.uint32(shift)
        order = np.argsort(np.concatenate([parts[0][0], parts[1][0]]), kind="stable")
        yield [np.concatenate(pair)[order] for pair in zip(*parts, strict=True)]
        for column in (*left, *right):
            forget(column)


def _joined(left: Run, right: Run, name: str, target: Path) -> list[int]:
    """Write one file after the other; return the shape of both."""
    with target.open("wb") as out:
        for run in (left, right):
            assert run.folder is not None, "a run in memory is not merged"
            with (run.folder / name).open("rb") as file:
                shutil.copyfileobj(file, out, 1 << 20)
    first, second = (run.columns[name].shape for run in (left, right))
    return [first[0] + second[0], *first[1:]]


def _shifted(columns: Sequence[Column], shift: int) -> Iterator[Column]:
    """Yield where things end, those of the second column so much later."""
    for number, column in enumerate(columns):
        for start in range(0, len(column), _AT_ONCE):
            yield column[start : start + _AT_ONCE] + np.uint64(number * shift)


def _write(pieces: Any, target: Path) -> int:
    """Write pieces of a column; return how many entries they have."""
    count = 0
    with target.open("wb") as file:
        for piece in pieces:
            np.ascontiguousarray(piece).tofile(file)
            count += len(piece)
    return count
