"""Seven nights that run themselves, under every fault. `make stress`.

What was counted goes to `stress/results/soak.json`, with the seed, the date and the versions.
"""

import json
import os
import platform
import secrets
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.soaking.soak import SEVEN, soak

RESULT = Path(__file__).parent / "results" / "soak.json"


def test_seven_nights() -> None:
    """Every night is released once, nothing is lost, doubled or left behind, whatever was killed."""
    seed = int(os.environ.get("SOAK_SEED") or secrets.randbelow(10**6))
    print(f"SOAK_SEED={seed}")  # noqa: T201 - what a failure is repeated with
    books = soak(SEVEN, seed=seed)
    machine = {"load": round(os.getloadavg()[0], 1), "python": platform.python_version(), "prefect": version("prefect")}
    RESULT.write_text(
        json.dumps({**books, **machine, "date": datetime.now(UTC).isoformat(timespec="seconds")}, indent=1) + "\n"
    )
    assert set(books["releases_by_night"].values()) == {1}
    assert set(books["releases_trained"].values()) == {1}
    assert books["lost_rows"] == books["duplicate_rows"] == books["calls_repeated"] == 0
    assert books["calls_in_flight_repeated"] <= 2 * 8 * len(books["faults"])
    assert (books["orphans"], books["stuck_leases"], books["lake_faults"], books["exit_of_up"]) == (0, 0, [], 0)
