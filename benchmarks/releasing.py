"""A release of many rows: rows a second beside an older commit, in turns, and the memory of all its processes.

    python benchmarks/releasing.py [--folder /var/tmp/releasing] [--rows 1000000] [--before ea4fd3a] [--rounds 2] [--json]

A lake of rows of about 1.4 KB is made, or found in the folder; then each side makes a release of all rows, in a process of its own
and in turns. The older code is taken from git. Seconds are those of `create_release` by the clock, the best round counts; memory is
the largest sum of proportional set sizes (see `benchmarks/shared/memory.py`).

release_rows_per_s_vs_before   rows a second of this code by those of the older one
release_rows_per_s             rows a second
release_peak_mb                peak of memory of all processes, MiB; `release_10m_peak_mb` for 10,000,000 rows

On disk: 1.5 kB a row for the lake, and as much again while a release is made. Without `--before` only this code runs; the result
is kept with `--keep`, in `benchmarks/results/releasing.json`.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from benchmarks.lake import METHODS, text_pool  # noqa: E402
from benchmarks.shared.results import circumstances, keep, last  # noqa: E402
from storage.lake.lake import Lake, table_of  # noqa: E402
from storage.workspace import Workspace  # noqa: E402

PER_COMMIT = 50_000
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


def fill(folder: Path, rows: int) -> None:
    """Commit accepted rows, some thousands at a time, with a problem for every tenth."""
    rng = random.Random(1)
    pool = text_pool(rng)
    with Lake(Workspace.create(folder)) as lake:
        for first in range(0, rows, PER_COMMIT):
            count = min(PER_COMMIT, rows - first)
            night = f"2026-{1 + first // PER_COMMIT // 28 % 12:02d}-{1 + first // PER_COMMIT % 28:02d}/bench"
            names = [f"{rng.getrandbits(128):032x}" for _ in range(count)]
            starts = [rng.randrange(len(pool) - 2000) for _ in range(count)]
            problems = [
                {"problem_id": f"{first + n:012d}", "task": "math_word", "source": "made", "split": "train", "tier": 1,
                 "prompt": pool[n : n + 200], "gold": "1", "license": "MIT", "structure_id": f"{first + n}", "night": night}
                for n in range(0, count, 10)
            ]  # fmt: skip
            samples = [
                {"sample_id": name, "attempt_id": name, "night": night, "method": METHODS[n % 4], "kind": "sft",
                 "problem_id": f"{first + n - n % 10:012d}", "task": "math_word", "source": "made", "tier": 1, "position": 0,
                 "origin": "model", "models": ["m"], "parents": [name[::-1]], "prompts": ["solve@1"],
                 "messages": [{"role": "user", "content": pool[start : start + 200]}],
                 "response": pool[start + 200 : start + 1300], "answer": "1", "attrs": "{}", "words": 200}
                for n, (name, start) in enumerate(zip(names, starts, strict=True))
            ]  # fmt: skip
            verdict = {"filter": "policy", "version": "1", "outcome": "accepted", "night": night}
            tables = {
                "samples": table_of("samples", samples),
                "problems": table_of("problems", problems),
                "verdicts": table_of("verdicts", [{"sample_id": name, **verdict} for name in names]),
            }
            lake.commit(f"rows:{first}", "samples", tables, night=night)


def release(folder: Path, code: Path, name: str) -> dict[str, Any]:
    """Make a release by the code of a checkout, in a process of its own; its files are removed."""
    script = folder / "release.py"  # a file: workers are started anew and read it
    script.write_text(_RELEASE)
    command = [sys.executable, str(script), str(folder / "lake"), name, str(HERE / "shared" / "memory.py")]
    environment = {**os.environ, "PYTHONPATH": str(code)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    shutil.rmtree(folder / "lake" / "releases" / name)
    return dict(json.loads(done.stdout.splitlines()[-1]))


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
    if not (folder / "lake").exists():
        fill(folder / "lake", rows)
    sides = {"now": HERE.parent} | ({"before": older(before, folder)} if before else {})
    rounds: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    for number in range(count):
        for side, code in sides.items():
            rounds[side].append(release(folder, code, f"{side}-{os.getpid()}-{number}"))
            print(f"{side}: {rounds[side][-1]}", file=sys.stderr)
    if len({done["content_hash"] for every in rounds.values() for done in every}) > 1:
        raise SystemExit("releasing: the content hashes differ")
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
    peak = "release_10m_peak_mb" if options.rows == 10_000_000 else "release_peak_mb"
    figures: dict[str, Any] = {
        "release_rows_per_s": round(rates["now"]),
        peak: max(done["pss_mb"] for done in rounds["now"]),
    }
    if options.before:
        figures["release_rows_per_s_vs_before"] = round(rates["now"] / rates["before"], 3)
    if options.keep:
        detail = {**last("releasing").get("detail", {}), str(options.rows): {"before": options.before, **rounds}}
        keep("releasing", {**last("releasing"), **figures, "detail": detail, "about": circumstances()})
    print(json.dumps(figures if options.json else {**figures, "detail": rounds}, indent=None if options.json else 2))


if __name__ == "__main__":
    main()
