import weakref

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from storage.errors import LakeError
from storage.lake import bounded
from storage.lake.bounded import bounded_memory
from storage.lake.lake import Lake
from storage.lake.rows import parts_of
from storage.schema import TABLES
from storage.workspace import Workspace


def test_memory_is_bounded_again_after_rows_were_spilled(tmp_path):
    with Lake(Workspace.create(tmp_path / "w")) as lake:
        with bounded_memory(lake, 64 << 20):
            rows = "select random() as a, repeat(random()::varchar, 4) as b from range(1_200_000)"
            lake.connection.execute(f"create temp table large as {rows}")
            assert lake.rows("from duckdb_temporary_files()")
            lake.connection.execute("drop table temp.large")
        with bounded_memory(lake, 64 << 20):
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


def test_a_commit_of_rows_in_files_holds_one_part_of_them_at_a_time(tmp_path, monkeypatch):
    schema = pa.schema([field for field in TABLES["signatures"] if field.name != "commit_id"])
    for number in range(6):
        rows = [
            {
                "sample_id": f"{number}-{row}",
                "method": "cot",
                "task": "sum",
                "exact": "x",
                "scheme": "s",
                "minhash": [row] * 64,
            }
            for row in range(2_000)
        ]
        pq.write_table(pa.Table.from_pylist(rows, schema), tmp_path / f"{number}.parquet")
    held = []

    def watched(table):
        before = []
        for part in parts_of(table):
            before.append(weakref.ref(part))
            yield part
            del part
            held.append(sum(each() is not None for each in before))

    monkeypatch.setattr("storage.lake.rows.PART_BYTES", 1 << 18)
    monkeypatch.setattr("storage.lake.lake.parts_of", watched)
    with Lake(Workspace.create(tmp_path / "w")) as lake:
        lake.commit("k", "test", {"signatures": ds.dataset(sorted(map(str, tmp_path.glob("*.parquet"))))})
        assert lake.rows("select count(*) as n, count(distinct sample_id) as ids from signatures") == [
            {"n": 12_000, "ids": 12_000}
        ]
    assert len(held) >= 6 and max(held) <= 1
