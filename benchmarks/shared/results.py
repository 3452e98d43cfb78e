"""Results of benchmarks: one JSON file each in `benchmarks/results/`, with the machine and the moment of the measurement."""

import fcntl
import json
import os
import platform
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parents[1] / "results"


def circumstances() -> dict[str, Any]:
    """Return where and when something is measured: `machine` and `date`."""
    machine = {
        "cores": os.cpu_count(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
    }
    return {"machine": machine, "date": datetime.now(UTC).isoformat(timespec="seconds")}


def last(name: str) -> dict[str, Any]:
    """Return the result of a benchmark that was kept last; empty when there is none."""
    file = RESULTS / f"{name}.json"
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}


def keep(name: str, result: dict[str, Any]) -> None:
    """Keep the result of a benchmark."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def amend(name: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """Keep what `change` makes of the result that was kept last, and return it; processes that do so at once take turns."""
    RESULTS.mkdir(exist_ok=True)
    folder = os.open(RESULTS, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        result = change(last(name))
        keep(name, result)
    finally:
        os.close(folder)  # and with it the lock
    return result
