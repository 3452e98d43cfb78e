"""Results of benchmarks: one JSON file each in `benchmarks/results/`, with the machine and the moment of the measurement."""

import json
import os
import platform
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
