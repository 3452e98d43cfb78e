import duckdb
import pytest

from storage.errors import LakeError
from storage.lake import bounded
from storage.lake.bounded import bounded_memory
from storage.lake.lake import Lake
from storage.workspace import Workspace


def test_memory_is_bounded_again_after_rows_were_spilled(tmp_path, monkeypatch):
    monkeypatch.setattr(bounded, "MEMORY", 64 << 20)
    with Lake(Workspace.create(tmp_path / "w")) as lake:
        with bounded_memory(lake):
            rows = "select random() as a, repeat(random()::varchar, 4) as b from range(1_200_000)"
            lake.connection.execute(f"create temp table large as {rows}")
            assert lake.rows("from duckdb_temporary_files()")
            lake.connection.execute("drop table temp.large")
        with bounded_memory(lake):
            assert lake.rows("select current_setting('memory_limit') as bytes") == [{"bytes": "64.0 MiB"}]
        (limit,) = lake.rows("select current_setting('memory_limit') as bytes")
        assert limit["bytes"] != "64.0 MiB"


def test_a_disk_that_fails_meanwhile_is_a_sentence_with_its_remedy(tmp_path):
    with (
        Lake(Workspace.create(tmp_path / "w")) as lake,
        pytest.raises(LakeError, match=r"disk I/O error.*free some space"),
        bounded.bounded(lake) as connection,
    ):
        assert connection.execute("select count(*) from commits").fetchone() == (0,)
        raise duckdb.Error("disk I/O error")
