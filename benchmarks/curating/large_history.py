"""A thousand new rows against ten million old ones, and against the band keys of a hundred million.

    python -m benchmarks.curating.large_history --folder /var/tmp/history [--rows 10000000] [--keep] [--json]
    python -m benchmarks.curating.large_history --folder /var/tmp/history --bands 100000000 [--keep] [--json]

First: runs of 500,000 rows are written, whole, with signatures and shingles that are shuffled among rows (1.6 kB a row on disk,
16 GB for ten million), and merged as the index merges them. Then tonight's rows are looked up, in a process of its own as in
`benchmarks/curation.py`: `incremental_10m_cpu_s`, `incremental_10m_mb`.

Second: one run that holds band keys and row numbers only, drawn evenly, without signatures (300 bytes a row, 30 GB for a hundred
million). What is measured is tonight's sketches and the search for candidates; nothing can be confirmed: `incremental_100m_cpu_s`,
`incremental_100m_mb`.

With other numbers of rows the figures are called `incremental_cpu_s` and so on. What is in the folder already is not made again.
"""

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.curating.documents import documents, edited
from benchmarks.curating.history import CHECKOUT, history_of, measured, sketched
from benchmarks.shared.results import circumstances, keep, last
from filters.duplicates.banding import BANDS
from filters.duplicates.history import SHARED
from storage.atomic import atomic_folder
from storage.history.index import next_merge
from storage.history.merging import merge_runs
from storage.history.run import Run

RUN_ROWS = 500_000
DOCUMENTS = 20_000
_NAMED = {10_000_000: "10m", 100_000_000: "100m"}
_PIECE = 1_000_000


def build(folder: Path, texts: Sequence[str], rows: int) -> list[Path]:
    """Write the runs of an index of so many rows, as `HistoryIndex` leaves them."""
    folders = []
    for number in range(-(-rows // RUN_ROWS)):
        folders.append(folder / f"run-{number + 1}-{number + 1}")
        if not folders[-1].exists():
            with atomic_folder(folders[-1]) as making:
                history_of(texts, min(RUN_ROWS, rows - number * RUN_ROWS), making, number=number)
    return folders


def merge(folders: Sequence[Path]) -> list[Path]:
    """Merge runs as the index does when one after the other is added."""
    left: list[Path] = []
    for folder in folders:
        left.append(folder)
        while (at := next_merge([Run.open(run).rows for run in left])) is not None:
            first, last_ = left[at].name.split("-")[1], left[at + 1].name.split("-")[2]
            target = left[at].with_name(f"run-{first}-{last_}")
            with atomic_folder(target) as making:
                merge_runs(Run.open(left[at]), Run.open(left[at + 1]), making)
            for merged in left[at : at + 2]:
                shutil.rmtree(merged)
            left[at : at + 2] = [target]
    return left


def draw_bands(folder: Path, rows: int) -> None:
    """Write a run of band keys and row numbers only; keys are even over their range and sorted."""
    rng = np.random.default_rng(7)
    with atomic_folder(folder) as making:
        with (making / "bands.u64").open("wb") as keys, (making / "band_rows.u32").open("wb") as numbers:
            for _ in range(BANDS):
                pieces = -(-rows // _PIECE)
                edges = np.linspace(0, 2**64 - 1, pieces + 1)
                for low, high in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
                    count = rows // pieces
                    np.sort(rng.integers(int(low), int(high), count, dtype=np.uint64)).tofile(keys)
                    rng.integers(0, rows, count, dtype=np.uint32).tofile(numbers)
        rows = rows // pieces * pieces
        shapes = {"bands.u64": [BANDS, rows], "band_rows.u32": [BANDS, rows]}
        (making / "run.json").write_text(json.dumps({"rows": rows, "nights": [], "shapes": shapes}) + "\n")


def search_bands(folder: Path, tonight: Path) -> dict[str, float]:
    """Sketch tonight's rows and look for rows that share a band with them."""
    texts, run = json.loads(tonight.read_text()), Run.open(folder)

    def search() -> int:
        queries, _, _ = run.candidates(sketched(texts)[1], 256, SHARED)
        return len(queries)

    os.environ["NIGHTSCHOOL_NUMBA"] = "1"
    measured(search)
    return measured(search)


def tonight_of(texts: Sequence[str]) -> list[str]:
    """Tonight's rows: 500 of which nothing is in history, and 500 of which a text is, with a word in a hundred changed."""
    rng = random.Random(3)
    return [*texts[-500:], *(edited(text, 0.01, rng) for text in texts[:500])]


def _in_a_process(*arguments: object) -> Any:
    command = [sys.executable, "-m", __spec__.name if __spec__ else __name__, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=CHECKOUT)
    return json.loads(done.stdout or "{}")


def _looked_up(folders: Sequence[Path], tonight: Path, rounds: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.curating.history", str(tonight), *map(str, folders)]
    runs = [
        json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=CHECKOUT).stdout)
        for _ in range(rounds)
    ]
    return {name: min(run[name] for run in runs) for name in runs[0]}


def _step(options: argparse.Namespace, texts: Sequence[str]) -> None:
    """Do one step in this process, and say what it took and left."""
    start, clock = time.process_time(), time.perf_counter()
    index_folders: list[Path] = []
    look_up: dict[str, float] = {}
    folders = sorted(options.folder.glob("run-*"), key=lambda path: int(path.name.split("-")[1]))
    if options.step == "build":
        index_folders = build(options.folder, texts, options.rows)
    elif options.step == "merge":
        index_folders = merge(folders)
    else:
        look_up = search_bands(options.folder / "bands", options.folder / "tonight.json")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    took = {"cpu_s": time.process_time() - start, "s": time.perf_counter() - clock, "peak_mb": peak}
    print(json.dumps(look_up or {"folders": list(map(str, index_folders)), **took}))


def whole_history(options: argparse.Namespace, tonight: Path) -> dict[str, Any]:
    """Build, merge and look up; return figures, and the detail under `detail`."""
    name = _NAMED.get(options.rows, "")
    same = ("--rows", options.rows, "--folder", options.folder, "--step")
    folders = list(options.folder.glob("run-*"))
    steps: dict[str, Any] = {}
    if sum(Run.open(folder).rows for folder in folders) < options.rows:
        steps["build"] = _in_a_process(*same, "build")
        print(f"built: {steps['build']}", file=sys.stderr)
        del steps["build"]["folders"]
        steps["merge"] = _in_a_process(*same, "merge")
        print(f"merged: {steps['merge']}", file=sys.stderr)
        folders = [Path(folder) for folder in steps["merge"].pop("folders")]
    looked_up = _looked_up(folders, tonight, options.rounds)
    steps |= {"looked_up": looked_up, "runs": len(folders)}
    figures = {name: looked_up[name] for name in ("cpu_s", "mb")}
    named = {"_".join(filter(None, ("incremental", name, key))): value for key, value in figures.items()}
    return {**named, "detail": {"rows": options.rows, **steps}}


def main() -> None:
    """Measure one of both and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows of history")
    parser.add_argument("--bands", type=int, help="rows of which only band keys are drawn")
    parser.add_argument("--folder", type=Path, required=True, help="where the index is made; leave it on a disk")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--keep", action="store_true", help="keep the result in benchmarks/results/history.json")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    texts = documents(None, DOCUMENTS) if options.step in (None, "build") else []
    if options.step:
        _step(options, texts[:-500])
        return
    options.folder.mkdir(parents=True, exist_ok=True)
    tonight = options.folder / "tonight.json"
    tonight.write_text(json.dumps(tonight_of(texts)))
    if options.bands:
        if not (options.folder / "bands").exists():
            draw_bands(options.folder / "bands", options.bands)
        runs = [_in_a_process("--folder", options.folder, "--step", "search") for _ in range(options.rounds)]
        name = "_".join(filter(None, ("incremental", _NAMED.get(options.bands, ""))))
        figures: dict[str, Any] = {f"{name}_{key}": min(run[key] for run in runs) for key in ("cpu_s", "mb")}
        figures["detail"] = {"bands_only": {"rows": options.bands, "runs": runs}}
    else:
        figures = whole_history(options, tonight)
    if options.keep:
        before = last("history")
        detail = {**before.get("detail", {}), **figures["detail"]}
        keep("history", {**before, **figures, "detail": detail, "about": circumstances()})
    print(json.dumps(figures, indent=None if options.json else 2))


if __name__ == "__main__":
    main()
