"""Which kept figures are older than the code that they stand on.

    python -m benchmarks.shared.standing

`STANDS_ON` names the files of each result. A result is old when git knows a later change of one of them than the oldest date
in it, which is that of its oldest part; a file that is changed and not committed counts as changed now. Nothing is forbidden: not
every change changes a figure.
"""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.shared.results import RESULTS, last

CHECKOUT = Path(__file__).resolve().parents[2]

STANDS_ON: dict[str, list[str]] = {
    "answers": ["synth/answers", "benchmarks/answers.py"],
    "arms": ["synth/methods", "train_stages", "benchmarks/evidence.py"],
    "curation": [
        "filters",
        "storage/history",
        "synth/answers",
        "synth/embeddings",
        "benchmarks/curation.py",
        "benchmarks/curating",
    ],
    "distilling": ["train_stages/stages", "train_stages/losses", "benchmarks/distilling.py"],
    "exported": ["synth/exports", "benchmarks/exported.py"],
    "gate": ["train_stages/promotion", "benchmarks/gate.py"],
    "generation": [
        "synth/calls",
        "synth/engines",
        "storage/ledger",
        "benchmarks/generation.py",
        "benchmarks/generating",
    ],
    "history": ["filters/duplicates", "storage/history", "benchmarks/curating/large_history.py"],
    "guards": ["train_stages/promotion", "benchmarks/guards.py"],
    "lake": ["storage/catalog", "storage/lake", "storage/releases", "benchmarks/lake.py"],
    "lmeval": ["flows/night/evaluation.py", "synth/answers", "benchmarks/lmeval.py"],
    "learning": ["train_stages", "benchmarks/learning.py"],
    "memory": ["train_stages/process", "benchmarks/memory.py"],
    "night": ["filters/night", "filters/duplicates", "storage/lake", "benchmarks/curating/night.py"],
    "paraphrases": ["filters/asking/paraphrases", "synth/embeddings", "benchmarks/curating/meaning.py"],
    "puzzles": ["synth/problems", "benchmarks/puzzles.py"],
    "real": ["synth/calls", "synth/engines", "benchmarks/real.py", "benchmarks/reality"],
    "releasing": ["storage/releases", "benchmarks/releasing.py"],
    "reflecting": ["train_stages/stages", "train_stages/rl", "synth/environments", "benchmarks/reflecting.py"],
    "soak": ["flows/night", "flows/nightly.py", "benchmarks/soak.py", "benchmarks/soaking"],
    "switching": ["train_stages/stages", "train_stages/rl", "train_stages/switches", "benchmarks/switching.py"],
    "tasks": ["synth/problems", "synth/sandbox", "benchmarks/tasks.py"],
    "tools": ["synth/environments", "synth/tools", "synth/calls", "benchmarks/tools.py"],
    "training": ["train_stages", "benchmarks/training.py"],
    "verifiers": ["train_stages/verifying", "train_stages/losses", "benchmarks/verifiers.py"],
    "warming": ["train_stages/stages", "train_stages/rl", "train_stages/losses", "benchmarks/warming.py"],
}
"""What each result stands on: what is timed or judged in it, and the benchmark itself. Of one that is not here, only the latter."""


def main() -> None:
    for name in sorted(file.stem for file in RESULTS.glob("*.json")):
        print(sentence(name))


def sentence(name: str) -> str:
    """Say of one result whether it is as old as its code."""
    measured = min(dates(last(name)), default=None)
    if measured is None:
        return f"{name}: it has no date, so measure it again"
    paths = STANDS_ON.get(name, [f"benchmarks/{name}.py"])
    changed = {path: when for path in paths if (when := changed_at(path)) > measured}
    if not changed:
        return f"{name}: of {measured:%Y-%m-%d %H:%M}, as its code"
    newest = max(changed, key=lambda path: changed[path])
    return f"{name}: of {measured:%Y-%m-%d %H:%M}, OLDER than {newest} ({changed[newest]:%Y-%m-%d %H:%M})"


def dates(result: Any) -> Iterator[datetime]:
    """Every moment (`date`, `at`) of a result; one without a zone is UTC."""
    if isinstance(result, list):
        for item in result:
            yield from dates(item)
    elif isinstance(result, dict):
        for key, value in result.items():
            if key in ("date", "at") and isinstance(value, str):
                moment = datetime.fromisoformat(value)
                yield moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            else:
                yield from dates(value)


def changed_at(path: str) -> datetime:
    """When a file or folder was changed last, by git; now, where a change is not committed."""
    if _git("status", "--porcelain", "--", path):
        return datetime.now(UTC)
    when = _git("log", "-1", "--format=%cI", "--", path)
    return datetime.fromisoformat(when) if when else datetime.min.replace(tzinfo=UTC)


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"git {arguments[0]}: {done.stderr.strip()}; which figures are old is known in a git checkout only")
    return done.stdout.strip()


if __name__ == "__main__":
    main()
