"""Takedowns: the text is in no byte of the workspace, what stays is as it was, and nothing comes back."""

from pathlib import Path

import psycopg

from storage.catalog import PostgresCatalog, catalog_of
from storage.check import run_checks
from storage.lake import Lake
from storage.ledger import Ledger
from storage.takedown import take_down
from storage.takedown_plan import plan_takedown
from tests.storage.secrets_lake import build, places

SAID = {"because": "the author asked for it"}


def server_places(workspace) -> set[str]:
    """Files of the PostgreSQL server that hold the secret; its log of writes is recycled by the server, in its own time."""
    catalog = catalog_of(workspace)
    if not isinstance(catalog, PostgresCatalog):
        return set()
    with psycopg.connect(catalog.conninfo, autocommit=True) as connection:
        connection.execute("checkpoint")
        ((folder,),) = connection.execute("show data_directory").fetchall()
    return {name for name in places(Path(folder)) if not name.startswith("pg_wal/")}


def wrong(lake) -> dict[str, list[str]]:
    return {name: lines for name, lines in run_checks(lake).items() if lines}


def test_no_byte_of_the_workspace_or_the_catalogue_holds_it_afterwards(either):
    build(either)
    kinds = {name.split("/")[0] for name in places(either.root)}
    assert kinds >= {"lake", "ledger.sqlite", "releases", "reports", "checkpoints", "spill"}, kinds
    assert server_places(either) or {"catalog.sqlite", "backups"} <= kinds
    with Lake(either) as lake:
        plan = plan_takedown(lake, problems=["ps1", "ps2"], **SAID)
        assert plan.takedown.sample_ids == ("s1", "s2") and plan.takedown.releases == ("set@1", "set@2")
        assert set(plan.takedown.call_ids) == {"call-s1", "call-s2", "call-judge-s1", "call-judge-s2", "call-open"}
        assert plan.takedown.checkpoints == ("model-0", "model-1") and plan.backups
        done = take_down(lake, plan.takedown)
        assert places(either.root) == set() and server_places(either) == set()
        assert done["removed"] == {
            "attempts": 4, "calls": 4, "evaluations": 2, "judgements": 2, "problems": 2, "samples": 2, "signatures": 2,
            "verdicts": 4,
        }  # fmt: skip
        assert done["successors"] == {"set@1": "set@3", "set@2": "set@4"}
        assert done["purged"]["calls_removed"] == 5 and done["purged"]["reports_removed"] == 1
        assert wrong(lake) == {}
        assert lake.rows("select checkpoint_id, rows, itself from exposed") == [
            {"checkpoint_id": "model-0", "rows": 2, "itself": True},
            {"checkpoint_id": "model-1", "rows": 2, "itself": False},
        ]
        (run,) = lake.rows("select summary from runs")
        assert "trained" in run["summary"] and "loss_masks" not in run["summary"]
        assert lake.rows("select count(*) as n from calls") == [{"n": 41}]
    with Ledger(either.ledger) as ledger:
        assert ledger.count() == 42 and ledger.find("call-plain") and ledger.is_gone("call-open")
