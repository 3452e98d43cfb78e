"""Nights for the long runs: taught by a server that keeps book of every answer, and what the books say afterwards."""

import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from storage.catalog.leases import list_leases
from storage.lake.lake import Lake
from storage.ledger.ledger import Ledger
from storage.ledger.published import check
from storage.upkeep.check import check_lake
from storage.workspace import Workspace
from tests.flows.conftest import SMALL, CommandLine
from tests.synth.faults import Server

RESULTS = Path(__file__).parent / "results"


def taught(server: Server, problems: int, repetitions: int, concurrency: int = 64) -> dict[str, Any]:
    """A recipe in which the server is asked about every problem several times."""
    teacher = {
        "engine": "vllm",
        "endpoint": server.endpoint,
        "name": "t",
        "revision": "1",
        "concurrency": concurrency,
    }
    source = {"name": "a", "kind": "arithmetic", "options": {"tiers": [1, 2, 3]}}
    return {
        **SMALL,
        "shard": 500,
        "problems": {"limit": problems, "sources": [source]},
        "models": {"teacher": teacher},
        "methods": [{"method": "cot", "params": {"temperature": 1.0}, "repetitions": repetitions}],
        "alarms": {"share": 1},
    }


def books(cli: CommandLine) -> dict[str, Any]:
    """What lake and ledger say, and everything that is wrong with them."""
    workspace = Workspace.open(cli.workspace)
    with Lake(workspace) as lake, Ledger(workspace.ledger) as ledger:
        (attempts,) = lake.rows(
            "select count(*) filter (where status = 'planned') as planned, count(*) filter (where status = 'done') as done, "
            "count(distinct attempt_id) as attempts from attempts"
        )
        (samples,) = lake.rows("select count(*) as rows, count(distinct sample_id) as distinct_rows from samples")
        return {
            **attempts, **samples, "recorded": ledger.count(), "agree": check(ledger, lake).agree,
            "leases": len(list_leases(lake.catalog)), "wrong": check_lake(lake, deep=True),
        }  # fmt: skip


def keep(name: str, figures: Mapping[str, Any], case: str | None = None) -> None:
    """Write figures to `results/NAME.json`, with the date, the versions and the load; with a case beside its other cases."""
    file = RESULTS / f"{name}.json"
    entry = {
        **figures, "date": datetime.now(UTC).isoformat(timespec="seconds"), "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(), "prefect": version("prefect"), "duckdb": version("duckdb"),
    }  # fmt: skip
    kept = json.loads(file.read_text()) if case and file.exists() else {}
    RESULTS.mkdir(exist_ok=True)
    file.write_text(json.dumps(dict(sorted({**kept, case: entry}.items())) if case else entry, indent=1) + "\n")
