"""A release of many rows: rows a second beside an older commit, in turns, and the memory of all its processes.

    python benchmarks/releasing.py [--folder /var/tmp/releasing] [--rows 1000000] [--before c1b8b87] [--rounds 2] [--json]

Each side makes a lake of the same rows of about 1.4 KB as `benchmarks/lake.py` fills it, or finds it in the folder; then each makes
a release of all rows, in a process of its own and in turns. The older code is taken from git. Seconds are those of `create_release`
by the clock, the best round counts; memory is the largest sum of proportional set sizes (see `benchmarks/shared/memory.py`).

release_rows_per_s_vs_before   rows a second of this code by those of the older one
release_rows_per_s             rows a second; `release_10m_rows_per_s` for 10,000,000 rows
release_peak_mb                peak of memory of all processes, MiB; `release_10m_peak_mb` for 10,000,000 rows

On disk: 1.5 kB a row for each lake, and as much again while a release is made. Without `--before` only this code runs; the result
is kept with `--keep`, in `benchmarks/results/releasing.json`.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from benchmarks.shared.results import circumstances, keep, last  # noqa: E402

_FILL = """
import sys
from pathlib import Path
from benchmarks import lake as filled
from storage.lake.lake import Lake
from storage.workspace import Workspace
folder, rows = Path(sys.argv[1]), int(sys.argv[2])
filled.PER_COMMIT = 5_000 if rows <= 1_000_000 else 50_000
with Lake(Workspace.create(folder)) as lake:
    filled.fill(lake, rows // filled.PER_COMMIT)
"""
_RELEASE = """
import importlib.util, json, sys, time
from pathlib import Path
spec = importlib.util.spec_from_file_location("memory", sys.argv[3])
memory = importlib.util.module_from_spec(spec)
spec.loader.exec_module(memory)
from storage.lake.lake import Lake
from storage.releases.making import create_release
from storage.workspace import Workspace
if __name__ == "__main__":
    with Lake(Workspace.open(Path(sys.argv[1]))) as lake:
        lake.rows("select count(*) from samples")
        with memory.MemoryPeak() as peak:
            start = time.perf_counter()
            made = create_release(lake, sys.argv[2], night=None)
            seconds = time.perf_counter() - start
    content = made.manifest["content_hash"]
    print(json.dumps({"rows": made.rows, "seconds": seconds, "content_hash": content, **peak.figures()}))
"""


def fill(lake: Path, code: Path, rows: int) -> None:
    """Make a lake by the code of a checkout."""
    subprocess.run([sys.executable, "-c", _FILL, str(lake), str(rows)], env=environment(code), cwd=code, check=True)


def release(lake: Path, code: Path, name: str) -> dict[str, Any]:
    """Make a release by the code of a checkout, in a process of its own; its files are removed."""
    script = lake.parent / "release.py"  # a file: workers are started anew and read it
    script.write_text(_RELEASE)
    command = [sys.executable, str(script), str(lake), name, str(HERE / "shared" / "memory.py")]
    done = subprocess.run(command, env=environment(code), stdout=subprocess.PIPE, text=True, check=True)
    shutil.rmtree(lake / "releases" / name)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def environment(code: Path) -> dict[str, str]:
    """Return the environment in which a process runs the code of a checkout."""
    return {**os.environ, "PYTHONPATH": str(code)}


def older(commit: str, folder: Path) -> Path:
    """Return a folder with the code of a commit."""
    target = folder / f"code-{commit}"
    if not target.exists():
        target.mkdir()
        archive = subprocess.run(["git", "archive", commit], cwd=HERE.parent, stdout=subprocess.PIPE, check=True)
        subprocess.run(["tar", "-x", "-C", str(target)], input=archive.stdout, check=True)
    return target


def measure(folder: Path, rows: int, before: str | None, count: int) -> dict[str, list[dict[str, Any]]]:
    """Release in turns; return what each side took in each round."""
    sides = {"now": HERE.parent} | ({"before": older(before, folder)} if before else {})
    for side, code in sides.items():
        if not (folder / f"lake-{side}").exists():
            fill(folder / f"lake-{side}", code, rows)
    rounds: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    for number in range(count):
        for side, code in sides.items():
            rounds[side].append(release(folder / f"lake-{side}", code, f"{side}-{os.getpid()}-{number}"))
            print(f"{side}: {rounds[side][-1]}", file=sys.stderr)
    return rounds


def main() -> None:
    """Make the lake, release in turns, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where the lake is made, if it is not there yet, and left")
    parser.add_argument("--before", help="commit to compare with")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--keep", action="store_true", help="keep the result")
    parser.add_argument("--json", action="store_true", help="print one JSON object with the figures")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nightschool-bench-")))
        folder.mkdir(parents=True, exist_ok=True)
        rounds = measure(folder, options.rows, options.before, options.rounds)
    rates = {side: max(done["rows"] / done["seconds"] for done in every) for side, every in rounds.items()}
    name = "release_10m" if options.rows == 10_000_000 else "release"
    figures: dict[str, Any] = {
        f"{name}_rows_per_s": round(rates["now"]),
        f"{name}_peak_mb": max(done["pss_mb"] for done in rounds["now"]),
    }
    if options.before:
        figures["release_rows_per_s_vs_before"] = round(rates["now"] / rates["before"], 3)
    if options.keep:
        detail = {**last("releasing").get("detail", {}), str(options.rows): {"before": options.before, **rounds}}
        keep("releasing", {**last("releasing"), **figures, "detail": detail, "about": circumstances()})
    print(json.dumps(figures if options.json else {**figures, "detail": rounds}, indent=None if options.json else 2))


if __name__ == "__main__":
    main()
