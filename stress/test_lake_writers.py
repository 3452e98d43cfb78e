"""Writers of the lake killed a hundred times on each kind of catalogue. `make stress`.

What was counted goes to `stress/results/lake_writers.json`, one entry per catalogue, with the seed and the date.
"""

import json
import os
import random
from datetime import UTC, datetime
from pathlib import Path

from storage.workspace import Workspace
from tests.storage.killing import kill_writers

KILLS = 100
RESULTS = Path(__file__).parent / "results" / "lake_writers.json"


def test_a_writer_killed_a_hundred_times(either: Workspace) -> None:
    """No acknowledged commit lost, none partial, none twice after the retry."""
    seed = int.from_bytes(os.urandom(4), "big")
    tally = kill_writers(either, KILLS, random.Random(seed))
    RESULTS.parent.mkdir(exist_ok=True)
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    kind = "postgres" if "catalog" in either.config else "sqlite"
    kept[kind] = {**tally.to_json(), "seed": seed, "date": datetime.now(UTC).isoformat(timespec="seconds")}
    RESULTS.write_text(json.dumps(dict(sorted(kept.items())), indent=1) + "\n")
    assert (tally.lost, tally.partial, tally.committed_twice) == (0, 0, 0), (seed, tally)
    assert tally.kills == KILLS
