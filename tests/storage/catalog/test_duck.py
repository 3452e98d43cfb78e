"""One DuckDB instance serves the lakes of a process one after the other."""

import pytest

from storage.catalog import duck
from storage.errors import LakeError
from storage.lake.lake import Lake
from storage.workspace import Workspace


@pytest.fixture(autouse=True)
def none_idle(monkeypatch):
    monkeypatch.setattr(duck, "_idle", {})


def test_the_next_lake_takes_over_the_instance_and_nothing_of_the_last(tmp_path):
    first, second = (Workspace.create(tmp_path / name) for name in ("first", "second"))
    with Lake(first) as lake:
        lake.query("create temp table left_over as select 1")
        had = lake._instance
    with pytest.raises(LakeError, match="query failed"):
        lake.query("select 1")
    lake.close()  # twice is once
    with Lake(second) as lake:
        assert lake._instance is had
        assert not lake.rows("select table_name from duckdb_tables() where table_name = 'left_over'")
        (at,) = lake.rows("select path from duckdb_databases() where database_name like '%lake'")
        assert str(second.root) in at["path"]


def test_lakes_that_are_open_together_have_instances_of_their_own(tmp_path):
    with Lake(Workspace.create(tmp_path / "first")) as first, Lake(Workspace.create(tmp_path / "second")) as second:
        assert first._instance is not second._instance


def test_an_instance_that_was_set_otherwise_or_holds_much_ends_with_its_lake(workspace, monkeypatch):
    with Lake(workspace) as lake:
        lake.execute_setting("memory_limit='100MB'")
    with Lake(workspace) as lake:
        assert lake.connection is not None
    monkeypatch.setattr(duck, "_IDLE_BYTES", -1)
    Lake(workspace).close()
    assert not duck._idle


def test_a_lake_closed_within_a_transaction_leaves_nothing_to_the_next(workspace):
    lake = Lake(workspace)
    lake._connection.execute("BEGIN")
    lake._connection.execute("select * from commits").fetchall()
    lake.close()
    with Lake(workspace) as lake:
        assert lake.last_seq() == 0
