"""A thousand new rows against an index of a hundred thousand and of a million, each look-up in a process of its own."""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.curating.documents import edited
from filters.duplicates.banding import Keys, band_keys
from filters.duplicates.history import group, similar_before
from filters.duplicates.sketch import SLOTS, whole
from filters.duplicates.sketches import Sketches, sketch_parts
from storage.history.run import Entries, Run, write_run

CHECKOUT = Path(__file__).resolve().parents[2]
BUILD = CHECKOUT / "build"
THRESHOLD = 0.8
GROUP = group("cot", "math_word")


def history_of(texts: Sequence[str], count: int, folder: Path, number: int = 0) -> Run:
    """An index of old rows: signatures of the texts first, then as many more whose slots are shuffled among rows.

    Args:
        texts: The texts.
        count: Rows of the run.
        folder: Where it is written.
        number: Number of the run; the texts' own signatures are in the first, 0.
    """
    sketches = sketch_parts(_parts(texts), [0, 1] * len(texts))
    slots = sketches.slots.reshape(len(texts), 2 * SLOTS)
    sets = np.concatenate([sketches.of(part) for part in range(2 * len(texts))])
    rng = np.random.default_rng(number)
    blocks = [] if number else [slots[:count]]
    while (missing := count - sum(map(len, blocks))) > 0:
        block = slots.copy()
        for at in range(0, 2 * SLOTS, 4):  # each run of four slots from another row: as alike as strangers are
            block[:, at : at + 4] = slots[rng.permutation(len(slots)), at : at + 4]
        blocks.append(block[:missing])
    rows = [GROUP] * len(texts)
    keys = np.concatenate([band_keys(whole(block), rows[: len(block)]) for block in blocks])
    exact = rng.integers(0, 2**64, (count, 2), dtype=np.uint64)
    copies = -(-count // len(texts))
    sizes = np.tile(np.diff(sketches.offsets), copies)[: 2 * count]
    ends = np.cumsum(sizes, dtype=np.uint64)
    shingles = [sets] * copies
    shingles[-1] = sets[: int(ends[-1]) - (copies - 1) * len(sets)]
    ids = [f"{n:032x}" for n in range(number * count, (number + 1) * count)]
    return write_run(Entries(ids, ["2026-01-01/x"] * count, exact, keys, blocks, shingles, ends), folder)


def look_up(tonight: str, *folders: str) -> None:
    """Compare tonight's texts with an index, in a process of its own, first as it comes and then with the kernels loaded.

    Prints CPU seconds and memory of both: `first_cpu_s` and `first_mb`, `cpu_s` and `mb`.
    """
    texts = json.loads(Path(tonight).read_text())
    runs = [Run.open(Path(folder)) for folder in folders]

    def find() -> int:
        sketches, keys = sketched(texts)
        return len(similar_before(runs, sketches, keys, set(), threshold=THRESHOLD, cap=256))

    first = measured(find)
    os.environ["NIGHTSCHOOL_NUMBA"] = "1"
    measured(find)
    del os.environ["NIGHTSCHOOL_NUMBA"]
    warm = measured(find)
    print(json.dumps({**warm, "first_cpu_s": first["cpu_s"], "first_mb": first["mb"]}))


def sketched(texts: Sequence[str]) -> tuple[Sketches, Keys]:
    """Sketch tonight's rows and make their band keys."""
    sketches = sketch_parts(_parts(texts), [0, 1] * len(texts))
    return sketches, band_keys(sketches.whole, [GROUP] * len(texts))


def _parts(texts: Sequence[str]) -> list[list[tuple[str, str]]]:
    """What was given and what is learned of each text: its first line and the rest."""
    return [[("", part)] for text in texts for part in [*text.split("\n", 1), ""][:2]]


def measured(action: Callable[[], int]) -> dict[str, float]:
    """Measure CPU seconds, the peak of memory above what the process held before, and how many rows were found."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before, start, clock = memory("VmRSS"), time.process_time(), time.perf_counter()
    count = action()
    used = {"cpu_s": time.process_time() - start, "s": time.perf_counter() - clock}
    return {**used, "mb": memory("VmHWM") - before, "found": count}


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
                command = [sys.executable, "-m", __name__, str(tonight), str(Path(temporary) / f"run-{size}")]
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
