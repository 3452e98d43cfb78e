"""A disk that is full from every single write of a small night on. `make stress`; FULL_DISK_STEP=50 tries every fiftieth.

What was counted goes to `stress/results/full_disk.json`.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from stress.faults.full_disk import PROBLEMS
from stress.faults.preload import library
from stress.nights import keep
from tests.server_program import CHECKOUT

STEP = int(os.environ.get("FULL_DISK_STEP", "1"))
FIRST = int(os.environ.get("FULL_DISK_FIRST", "0"))
WHOLE = {
    "planned": PROBLEMS, "done": PROBLEMS, "rows": PROBLEMS, "distinct_rows": PROBLEMS, "released": PROBLEMS,
    "calls": PROBLEMS, "agree": True, "wrong": [],
}  # fmt: skip


def broken(line: dict) -> str | None:
    """What did not hold of one night: a sentence without a traceback, nothing half written, and the next run whole."""
    if (
        line["status"] not in (0, 1)
        or "Traceback" in line["said"]
        or (line["status"] == 1) != ("error: " in line["said"])
    ):
        return f"status {line['status']}: {line['said'][-300:]}"
    if line["status"] == 1 and not re.search(r"(free|make) (some )?(space|room)", line["said"]):
        return f"no remedy: {line['said'][-300:]}"
    if line["wrong"]:
        return f"left half written: {line['wrong']}"
    if line["again"] != 0 or line["after"] != WHOLE:
        return f"the next run: {line['again']} {line['again_said'][-300:]} {line['after']} {line['after_said'][-300:]}"
    return None


def test_a_disk_that_is_full_at_every_write_of_a_night(tmp_path: Path) -> None:
    """Nothing is half written, the night ends with a sentence, and the same command again makes it whole."""
    environment = {
        **os.environ, "PYTHONPATH": str(CHECKOUT), "LD_PRELOAD": str(library("full_disk", tmp_path)), "FULL_DISK": str(tmp_path),
        "NO_COLOR": "1",
    }  # fmt: skip
    command = [sys.executable, "-m", "stress.faults.full_disk", str(tmp_path), str(FIRST), str(STEP)]
    whole, tried, stopped, faults = 0, 0, 0, {}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own
        assert process.stdout is not None
        for text in process.stdout:
            line = json.loads(text)
            tried += 1
            stopped += line["status"] == 1
            whole = whole or line["writes"]
            if (fault := broken(line)) is not None:
                faults[str(line["at"])] = fault
            keep(
                "full_disk",
                {"writes": whole, "step": STEP, "first": FIRST, "tried": tried, "stopped": stopped, "faults": faults},
            )
    assert process.returncode == 0 and tried > whole // STEP - FIRST and not faults, faults
