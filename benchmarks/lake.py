"""The lake beside plain DuckDB over the same Parquet files: questions, appends, what is new, a release, the hand-over.

    python benchmarks/lake.py [--json] [--quick]

A new lake of 1,000,000 rows (about 1.4 KB each, with a problem for every tenth and a verdict for each) in 200 commits of 5,000
through `Lake.commit`, then, in the same run:

groupby_vs_parquet   median seconds of a group-by over all rows in the lake, by those of plain DuckDB over the same files
lookup_vs_parquet    the same for one row by its id
append_last_vs_first CPU seconds per commit, median of the last 10 of 200 by the median of the first 10 (after one to warm up)
changes_per_row_ratio seconds per new row since a cursor that stands 20 commits back, by those since one at the start: at
                     most about 1 says that the time is proportional to what is new
release_extra_mb     peak resident memory of a process that makes the release of all rows, above what it held before
release_above_arrow_mb  the same above the size of those rows as an Arrow table; negative: less than the table alone
handover_mb          private memory that `open_dataset` of that release takes, MiB

Seconds are wall time of the median of `--rounds`, both sides alternating. Result: `benchmarks/results/lake.json`.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import duckdb  # noqa: E402
import psutil  # noqa: E402
import pyarrow as pa  # noqa: E402

from benchmarks.shared.results import circumstances, keep  # noqa: E402
from storage.lake.cursors import Changes, changes_since  # noqa: E402
from storage.lake.lake import Lake, table_of  # noqa: E402
from storage.workspace import Workspace  # noqa: E402

PER_COMMIT = 5_000
METHODS = ("cot", "tutorship", "critique", "gold")
_RELEASE = """
import json, resource, sys
from pathlib import Path
import psutil
from storage.lake.lake import Lake
from storage.releases.making import create_release
from storage.workspace import Workspace
import pyarrow.parquet, duckdb
with Lake(Workspace.open(Path(sys.argv[1]))) as lake:
    lake.rows("select count(*) from samples")
    before = psutil.Process().memory_info().rss
    made = create_release(lake, "all", night=None)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
print(json.dumps({"rows": made.rows, "before": before, "peak": peak}))
"""
_HANDOVER = """
import json, sys, time
from pathlib import Path
import datasets, psutil
from storage.releases.handover import arrow_files, open_dataset
from storage.lake.lake import Lake
from storage.releases.reading import get_release
from storage.workspace import Workspace
with Lake(Workspace.open(Path(sys.argv[1])), read_only=True) as lake:
    release = get_release(lake, "all")
arrow_files(release)
own = lambda: psutil.Process().memory_full_info().uss
before, started = own(), time.perf_counter()
data = open_dataset(release)
seconds = time.perf_counter() - started
print(json.dumps({"rows": len(data), "seconds": seconds, "mb": (own() - before) / 2**20, "arrow_mb": data.data.nbytes / 2**20}))
"""


def text_pool(rng: random.Random) -> str:
    """A long text of words to cut rows from."""
    vocabulary = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(5000)]
    return " ".join(rng.choices(vocabulary, k=400_000))


def batch(number: int, rng: random.Random, pool: str) -> dict[str, pa.Table]:
    """The tables of one commit: samples, a problem for every tenth, a decision for each."""
    night = f"2026-{1 + number // 28:02d}-{1 + number % 28:02d}/bench"
    samples, verdicts = [], []
    problems = [
        {"problem_id": f"{number:04d}-{n}", "task": "math_word", "source": "made", "split": "train", "tier": 1,
         "prompt": pool[n : n + 200], "gold": "1", "license": "MIT", "structure_id": f"{number}-{n}", "night": night}
        for n in range(PER_COMMIT // 10)
    ]  # fmt: skip
    for n in range(PER_COMMIT):
        sample = f"{rng.getrandbits(128):032x}"
        start = rng.randrange(len(pool) - 2000)
        samples.append({
            "sample_id": sample, "attempt_id": sample, "night": night, "method": METHODS[n % 4], "kind": "sft",
            "problem_id": f"{number:04d}-{n // 10}", "task": "math_word", "source": "made", "tier": 1, "position": 0,
            "origin": "model", "models": ["m"], "parents": [f"{rng.getrandbits(128):032x}"], "prompts": ["solve@1"],
            "messages": [{"role": "user", "content": pool[start : start + 200]}],
            "response": pool[start + 200 : start + 1300], "answer": "1", "attrs": "{}", "words": 200,
        })  # fmt: skip
        verdicts.append(
            {"sample_id": sample, "filter": "policy", "version": "1", "outcome": "accepted", "night": night}
        )
    return {
        "samples": table_of("samples", samples),
        "verdicts": table_of("verdicts", verdicts),
        "problems": table_of("problems", problems),
    }


def fill(lake: Lake, commits: int) -> list[float]:
    """Commit the rows and return the CPU seconds of each commit."""
    rng = random.Random(1)
    pool = text_pool(rng)
    seconds = []
    for number in range(commits):
        tables = batch(number, rng, pool)
        started = time.process_time()
        lake.commit(f"bench:{number}", "samples", tables, night="bench")
        seconds.append(time.process_time() - started)
        if number % 20 == 19:
            print(f"{(number + 1) * PER_COMMIT:,} rows", file=sys.stderr)
    return seconds


def compare(ours: Callable[[], Any], theirs: Callable[[], Any], rounds: int) -> dict[str, float]:
    """Median wall seconds of both, in turns."""
    taken: dict[str, list[float]] = {"ours": [], "theirs": []}
    for measured in (ours, theirs):
        measured()
    for _ in range(rounds):
        for name, measured in (("ours", ours), ("theirs", theirs)):
            started = time.perf_counter()
            measured()
            taken[name].append(time.perf_counter() - started)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def measure_questions(lake: Lake, rounds: int, detail: dict[str, Any]) -> dict[str, float]:
    """Group-by and point look-up, the lake beside `read_parquet` over its files."""
    plain = duckdb.connect(":memory:")
    files = f"read_parquet('{lake.workspace.data}/main/samples/**/*.parquet')"
    ids = [row["sample_id"] for row in lake.rows("select sample_id from samples using sample 50 rows (reservoir, 1)")]
    rng = random.Random(2)
    group = (
        "select method, count(*) as n, avg(words) as words, max(len(response)) as longest "
        "from {} group by method order by method"
    )
    look = "select * from {} where sample_id = ?"
    assert lake.query(group.format("samples")).equals(plain.execute(group.format(files)).to_arrow_table())
    groups = compare(
        lambda: lake.query(group.format("samples")), lambda: plain.execute(group.format(files)).to_arrow_table(), rounds
    )
    looks = compare(
        lambda: lake.query(look.format("samples"), [rng.choice(ids)]),
        lambda: plain.execute(look.format(files), [rng.choice(ids)]).to_arrow_table(),
        rounds,
    )
    detail |= {"groupby_s": groups, "lookup_s": looks}
    return {
        "groupby_vs_parquet": groups["ours"] / groups["theirs"],
        "lookup_vs_parquet": looks["ours"] / looks["theirs"],
    }


def measure_changes(lake: Lake, commits: int, rounds: int, detail: dict[str, Any]) -> dict[str, float]:
    """Seconds per new row: the last tenth of the commits beside all of them."""
    whole = changes_since(lake, "bench")
    few = replace(whole, since=commits - commits // 10, commits=whole.commits[-(commits // 10) :])

    def read(changes: Changes) -> int:
        return sum(batch.num_rows for batch in changes.batches("samples"))

    rows = {"few": read(few), "whole": read(whole)}
    assert rows == {"few": PER_COMMIT * (commits // 10), "whole": PER_COMMIT * commits}
    taken = compare(lambda: read(few), lambda: read(whole), min(rounds, 5))
    detail["changes_s"] = {"rows": rows, "few": taken["ours"], "whole": taken["theirs"]}
    return {"changes_per_row_ratio": (taken["ours"] / rows["few"]) / (taken["theirs"] / rows["whole"])}


def run_python(code: str, workspace: Workspace) -> dict[str, Any]:
    """Run a part in a process of its own, so that its memory is its own."""
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    done = subprocess.run(
        [sys.executable, "-c", code, str(workspace.root)], env=environment, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measure_release(workspace: Workspace, detail: dict[str, Any]) -> dict[str, float]:
    """Memory of a release of all rows, and of its hand-over to `datasets`."""
    started = time.perf_counter()
    release = run_python(_RELEASE, workspace)
    detail["release_s"] = time.perf_counter() - started
    handed = run_python(_HANDOVER, workspace)
    extra = (release["peak"] - release["before"]) / 2**20
    detail |= {"release": release, "handover": handed}
    return {
        "release_extra_mb": extra,
        "release_above_arrow_mb": extra - handed["arrow_mb"],
        "handover_mb": handed["mb"],
        "handover_s": handed["seconds"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object with the figures")
    parser.add_argument("--quick", action="store_true", help="100,000 rows; writes no result")
    parser.add_argument("--rounds", type=int, default=11)
    options = parser.parse_args()
    commits = 20 if options.quick else 200
    detail: dict[str, Any] = {"rows": commits * PER_COMMIT, "commits": commits}
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="nightschool-bench-") as folder:
        workspace = Workspace.scratch(Path(folder) / "w")
        with Lake(workspace) as lake:
            seconds = fill(lake, commits)
            few = min(10, commits // 4)
            detail["append_cpu_s"] = {"first": seconds[1 : 1 + few], "last": seconds[-few:]}
            figures["append_last_vs_first"] = statistics.median(seconds[-few:]) / statistics.median(
                seconds[1 : 1 + few]
            )
            figures |= measure_questions(lake, options.rounds, detail)
            figures |= measure_changes(lake, commits, options.rounds, detail)
        figures |= measure_release(workspace, detail)
    figures = {name: round(value, 4) for name, value in figures.items()}
    about = {
        "versions": {
            **{name: version(name) for name in ("duckdb", "pyarrow", "datasets")},
        },
        "memory_gib": psutil.virtual_memory().total >> 30,
        **circumstances(),
    }
    if not options.quick:
        keep("lake", {**figures, "detail": detail, "about": about})
    print(json.dumps(figures) if options.json else json.dumps({**figures, "detail": detail}, indent=2))


if __name__ == "__main__":
    main()
