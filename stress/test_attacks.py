"""Every attack of `stress/attacks/` fails. `make stress`, or `make attacks` for the table alone.

What was counted goes to `stress/results/attacks.json`, one entry per kind, with the date and the load.
"""

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stress.attacks.runner import entries, kinds, run

RESULT = Path(__file__).parent / "results" / "attacks.json"
FEWEST = {"arguments": 30, "endpoints": 40, "programs": 60, "recipes": 50, "rows": 20, "sql": 200}


@pytest.mark.parametrize("kind", kinds())
def test_no_attack_succeeds(kind: str) -> None:
    """One attack after the other, each in a folder of its own."""
    outcomes = list(run(kind))
    broken = {outcome.name: outcome.broken for outcome in outcomes if outcome.broken is not None}
    kept = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    kept[kind] = {
        "attacks": len(outcomes), "succeeded": len(broken), "seconds": round(sum(outcome.seconds for outcome in outcomes), 1),
        "date": datetime.now(UTC).isoformat(timespec="seconds"), "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
    }  # fmt: skip
    RESULT.write_text(json.dumps(dict(sorted(kept.items())), indent=1) + "\n")
    assert not broken


@pytest.mark.parametrize("kind", kinds())
def test_there_are_enough(kind: str) -> None:
    """A kind that loses its data is not one that nobody can attack."""
    assert len(entries(kind)) >= FEWEST[kind]
