"""A large night decided: its peak of memory, its seconds, and, for a night that can be, the same decided in one piece.

    python -m benchmarks.curating.night --rows 2000000 --folder /tmp/night [--json]

The night is made in a process of its own: rows of 60 to 160 words about a problem for every four rows, three of eight a copy of the
row before with up to a tenth of the words changed, and a pass by every row filter. The decision runs in another one, with as many
workers as there are processors; its peak is the largest sum of proportional set sizes of all processes (what is shared is counted
once), with the sum of resident set sizes beside it. With at most 200,000 rows the night is decided in one piece too, and the
accepted rows are compared.

`night_2m_peak_mb`, `night_2m_rows_per_s`, or `night_peak_mb`, `night_rows_per_s` with another number of rows; `night_same`.
With `--keep` they go to `benchmarks/results/night.json`.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.shared.memory import MemoryPeak
from benchmarks.shared.results import circumstances, keep, last
from filters.benchmarks import BenchmarkManifest
from filters.night.curate import Curator
from filters.night.rules import read_rules
from storage.ids import digest
from storage.lake.lake import Lake, table_of
from storage.schema import TABLES
from storage.workspace import Workspace

NIGHT = "2026-01-01/large"
PART = 20_000
COMPARED = 200_000
_VOCABULARY = np.array(
    [f"{a}{b}{c}{d}" for a in "bcdfgklmnprst" for b in "aeiou" for c in "lmnrst" for d in ("", "a", "e")]
)


def build(folder: Path, rows: int) -> None:
    """Commit a night."""
    rules = read_rules({}, {}, {})
    by_row = [bound for bound in rules.filters if bound.scope == "row"]
    with Lake(Workspace.create(folder)) as lake:
        for start, words in enumerate(_texts(rows)):
            samples, problems = _tables(start * PART, words)
            verdicts = pa.concat_tables([_passes(bound.name, bound.version, samples) for bound in by_row])
            tables = {"samples": samples, "problems": problems, "verdicts": verdicts}
            lake.commit(f"part {start}", "samples", tables, night=NIGHT)


def _texts(rows: int) -> Iterator[list[list[str]]]:
    rng = np.random.default_rng(11)
    for start in range(0, rows, PART):
        part: list[list[str]] = []
        for number in range(min(PART, rows - start)):
            if number % 4 and rng.random() < 1 / 2:
                words = list(part[-1])
                for place in rng.integers(0, len(words), int(rng.integers(0, 1 + len(words) // 10))).tolist():
                    words[place] = str(_VOCABULARY[rng.integers(len(_VOCABULARY))])
            else:
                words = _VOCABULARY[rng.integers(0, len(_VOCABULARY), int(rng.integers(60, 160)))].tolist()
            part.append(words)
        yield part


def _tables(first: int, texts: list[list[str]]) -> tuple[pa.Table, pa.Table]:
    samples, problems = [], {}
    for number, words in enumerate(texts, first):
        problem, task = f"{number // 4:032x}", "math_word"
        if number % 4 == 0:
            prompt = " ".join(words[:20])
        problems[problem] = {
            "problem_id": problem, "task": task, "source": "made", "split": "train", "tier": 1, "prompt": prompt, "gold": "1",
            "structure": prompt, "structure_id": problem, "attrs": "{}", "night": NIGHT,
        }  # fmt: skip
        samples.append({
            "sample_id": digest("row", number), "attempt_id": f"{number:032x}", "night": NIGHT, "method": "cot", "kind": "sft",
            "problem_id": problem, "task": task, "source": "made", "tier": 1, "position": 0, "origin": "model", "models": [],
            "parents": [f"{number:032x}"], "prompts": [], "messages": [{"role": "user", "content": "Solve it."}],
            "response": " ".join(words[20:]), "attrs": "{}", "words": len(words),
        })  # fmt: skip
    return table_of("samples", samples), table_of("problems", list(problems.values()))


def _passes(name: str, version: str, samples: pa.Table) -> pa.Table:
    count = samples.num_rows
    columns = {"filter": name, "version": version, "outcome": "pass", "reason": None, "detail": None, "night": NIGHT}
    constant = {key: pa.array([value] * count, pa.string()) for key, value in columns.items()}
    names = [column for column in TABLES["verdicts"].names if column != "commit_id"]
    return pa.table({"sample_id": samples["sample_id"], **constant}).select(names)


def decide(folder: Path, block_rows: int | None) -> dict[str, Any]:
    """Decide the night and say what it took; in one piece where `block_rows` is as many as there are."""
    start = time.perf_counter()
    more = {} if block_rows is None else {"block_rows": block_rows}
    with MemoryPeak() as peak, Lake(Workspace.open(folder)) as lake:
        curator = Curator(lake, NIGHT, read_rules({}, {}, {}), manifest=BenchmarkManifest(()), **more)
        curator.decide_night()
        curator.stop_on_alarms()
        seconds = time.perf_counter() - start
    with Lake(Workspace.open(folder), read_only=True) as lake:
        accepted = [row["sample_id"] for row in lake.rows("select sample_id from accepted order by 1")]
    return {"peak": peak.figures(), "seconds": seconds, "accepted": len(accepted), "digest": digest(accepted)}


def _in_a_process(*arguments: object) -> dict[str, Any]:
    command = [sys.executable, "-m", __spec__.name if __spec__ else __name__, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout or "{}"))


def main() -> None:
    """Make a night, decide it, print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--folder", type=Path, required=True, help="where the night is made, if it is not there yet")
    parser.add_argument("--step", choices=("build", "decide", "whole"), help=argparse.SUPPRESS)
    parser.add_argument("--keep", action="store_true", help="keep the result")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    night_folder = options.folder / ("whole" if options.step == "whole" else "night")
    if options.step == "build":
        build(night_folder, options.rows)
        return
    if options.step:
        print(json.dumps(decide(night_folder, options.rows if options.step == "whole" else None)))
        return
    same = ("--rows", options.rows, "--folder", options.folder, "--step")
    if not night_folder.exists():
        _in_a_process(*same, "build")
        if options.rows <= COMPARED:
            shutil.copytree(night_folder, options.folder / "whole")
    blocks = _in_a_process(*same, "decide")
    name = "night_2m" if options.rows == 2_000_000 else "night"
    figures = {
        f"{name}_peak_mb": blocks["peak"]["pss_mb"],
        f"{name}_rows_per_s": round(options.rows / blocks["seconds"]),
    }
    detail: dict[str, Any] = {"blocks": blocks}
    if (options.folder / "whole").exists():
        whole = _in_a_process(*same, "whole")
        figures["night_same"], detail["whole"] = int(whole["digest"] == blocks["digest"]), whole
    if options.keep:
        before = last("night")
        details = {**before.get("detail", {}), str(options.rows): {**detail, **circumstances()}}
        keep("night", {**before, **figures, "detail": details})
    print(json.dumps(figures if options.json else {**figures, "detail": detail}, indent=None if options.json else 2))


if __name__ == "__main__":
    main()
