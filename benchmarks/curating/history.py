"""A thousand new rows against an index of a hundred thousand and of a million, each look-up in a process of its own."""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.curating.documents import edited
from filters.duplicates.banding import band_keys
from filters.duplicates.history import group, similar_before
from filters.duplicates.sketch import SLOTS
from filters.duplicates.sketches import sketch_parts
from storage.history.run import Entries, Run, write_run

CHECKOUT = Path(__file__).resolve().parents[2]
BUILD = CHECKOUT / "build"
THRESHOLD = 0.8


def history_of(texts: Sequence[str], count: int, folder: Path) -> Run:
    """An index of old rows: signatures of the texts first, then as many more whose slots are shuffled among rows."""
    parts = [[("", part)] for text in texts for part in [*text.split("\n", 1), ""][:2]]
    sketches = sketch_parts(parts, [0, 1] * len(texts))
    slots = sketches.slots.reshape(len(texts), 2 * SLOTS)
    sets = np.concatenate([sketches.of(part) for part in range(len(parts))])
    rng = np.random.default_rng(0)
    blocks = [slots]
    while sum(map(len, blocks)) < count:
        block = slots.copy()
        for at in range(0, 2 * SLOTS, 4):  # each run of four slots from another row: as alike as strangers are
            block[:, at : at + 4] = slots[rng.permutation(len(slots)), at : at + 4]
        blocks.append(block)
    every = np.concatenate(blocks)[:count]
    whole = np.minimum(every[:, :SLOTS], every[:, SLOTS:])
    keys = band_keys(whole, [group("cot", "math_word")] * count)
    exact = rng.integers(0, 2**64, (count, 2), dtype=np.uint64)
    copies = -(-count // len(texts))
    sizes = np.tile(np.diff(sketches.offsets), copies)[: 2 * count]
    ends = np.cumsum(sizes, dtype=np.uint64)
    shingles = [sets] * copies
    shingles[-1] = sets[: int(ends[-1]) - (copies - 1) * len(sets)]
    ids, nights = [f"{n:032x}" for n in range(count)], ["2026-01-01/x"] * count
    entries = Entries(ids, nights, exact, keys, every, shingles, ends)
    return write_run(entries, folder)


def look_up(folder: str, tonight: str) -> None:
    """Compare tonight's texts with an index, in a process of its own, first as it comes and then with the kernels loaded.

    Prints CPU seconds and memory of both: `first_cpu_s` and `first_mb`, `cpu_s` and `mb`.
    """
    texts = json.loads(Path(tonight).read_text())
    run = Run.open(Path(folder))
    first = _measured(run, texts)
    os.environ["NIGHTSCHOOL_NUMBA"] = "1"
    _measured(run, texts)
    del os.environ["NIGHTSCHOOL_NUMBA"]
    warm = _measured(run, texts)
    print(json.dumps({**warm, "first_cpu_s": first["cpu_s"], "first_mb": first["mb"]}))


def _measured(run: Run, texts: Sequence[str]) -> dict[str, float]:
    """Look texts up; memory is the peak above what the process held before."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before, start = memory("VmRSS"), time.process_time()
    parts = [[("", part)] for text in texts for part in [*text.split("\n", 1), ""][:2]]
    sketches = sketch_parts(parts, [0, 1] * len(texts))
    keys = band_keys(sketches.whole, [group("cot", "math_word")] * len(texts))
    similar = similar_before([run], sketches, keys, set(), threshold=THRESHOLD, cap=256)
    used = time.process_time() - start
    return {"cpu_s": used, "mb": memory("VmHWM") - before, "found": len(similar)}


def memory(name: str) -> float:
    """MiB that this process holds (`VmRSS`) or held at most (`VmHWM`), mapped pages included."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    return 0.0


def measure_history(texts: list[str], rounds: int, sizes: tuple[int, int], detail: dict[str, Any]) -> dict[str, float]:
    measured: dict[int, dict[str, float]] = {}
    BUILD.mkdir(exist_ok=True)  # /tmp may lie in memory, which is measured here
    with tempfile.TemporaryDirectory(dir=BUILD) as temporary:
        tonight = Path(temporary) / "tonight.json"
        rng = random.Random(3)
        fresh = texts[-500:] + [edited(text, 0.01, rng) for text in texts[:500]]
        tonight.write_text(json.dumps(fresh))
        for size in sizes:
            history_of(texts[: len(texts) - 500], size, Path(temporary) / f"run-{size}")
            runs = []
            for _ in range(rounds):
                command = [sys.executable, "-m", __name__, str(Path(temporary) / f"run-{size}"), str(tonight)]
                runs.append(
                    json.loads(subprocess.run(command, capture_output=True, text=True, check=True, cwd=CHECKOUT).stdout)
                )
            measured[size] = {name: min(run[name] for run in runs) for name in runs[0]}
    small, large = measured[sizes[0]], measured[sizes[1]]
    detail["history"] = {f"{size:,}": values for size, values in measured.items()}
    return {
        "incremental_1m_cpu_s": large["cpu_s"],
        "incremental_1m_mb": large["mb"],
        "incremental_1m_vs_100k": large["cpu_s"] / small["cpu_s"],
        "incremental_first_cpu_s": large["first_cpu_s"],
        "incremental_first_mb": large["first_mb"],
    }


if __name__ == "__main__":
    look_up(*sys.argv[1:])
