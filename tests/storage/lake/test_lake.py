import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pyarrow as pa
import pytest

from storage.catalog.catalog import attach, catalog_of
from storage.catalog.duck import connect
from storage.errors import LakeError, WorkspaceError
from storage.lake.lake import Lake, table_of
from storage.schema import COMMITS, TABLES, comment
from storage.views import VIEWS


def promotion(number: int) -> pa.Table:
    return table_of("promotions", [{"candidate": str(number), "decision": "refused"}])


def test_a_commit_is_made_once_per_key(lake):
    first = lake.commit("k", "test", {"promotions": promotion(1)}, night="n")
    second = lake.commit("k", "test", {"promotions": promotion(2)}, night="n")
    assert first.new and not second.new and first.id == second.id
    assert [row["candidate"] for row in lake.rows("select candidate from promotions")] == ["1"]
    assert lake.has("k") and not lake.has("other")


def test_several_tables_are_one_commit(lake):
    done = lake.commit("k", "test", {"promotions": promotion(1), "runs": table_of("runs", [{"run_id": "r"}] * 3)})
    commits = lake.rows("select rows, seq from commits")
    assert commits == [{"rows": 4, "seq": 1}]
    assert {
        row["commit_id"] for row in lake.rows("select commit_id from promotions union all select commit_id from runs")
    } == {done.id}


def test_a_bad_row_leaves_nothing_behind(lake):
    with pytest.raises(LakeError, match=r"promotions lack .*decision"):
        lake.commit(
            "k", "test", {"runs": table_of("runs", [{"run_id": "r"}]), "promotions": pa.table({"candidate": ["x"]})}
        )
    with pytest.raises(LakeError, match="no table 'sample'"):
        lake.commit("k", "test", {"sample": promotion(1)})
    assert lake.last_seq() == 0 and not lake.rows("select * from runs")


def test_threads_do_not_lose_commits(lake):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: lake.commit(f"k{n}", "test", {"promotions": promotion(n)}), range(12)))
    assert [row["seq"] for row in lake.rows("select seq from commits order by seq")] == list(range(1, 13))
    assert lake.rows("select count(*) as n from promotions") == [{"n": 12}]


@pytest.mark.slow
def test_processes_do_not_lose_commits_nor_make_one_twice(workspace, lake):
    code = (
        "import sys, pathlib\n"
        "from storage.lake.lake import Lake, table_of\n"
        "from storage.workspace import Workspace\n"
        "with Lake(Workspace.open(pathlib.Path(sys.argv[1]))) as lake:\n"
        "    for n in range(4):\n"
        "        rows = table_of('promotions', [{'candidate': sys.argv[2]}])\n"
        "        lake.commit(f'own:{sys.argv[2]}:{n}', 'test', {'promotions': rows})\n"
        "        lake.commit(f'shared:{n}', 'test', {'promotions': rows})\n"
    )
    workers = [subprocess.Popen([sys.executable, "-c", code, str(workspace.root), name]) for name in ("a", "b")]
    assert [worker.wait() for worker in workers] == [0, 0]
    assert lake.rows("select count(*) as n, max(seq) as last from commits") == [{"n": 12, "last": 12}]


@pytest.mark.slow
def test_a_killed_writer_leaves_whole_commits_only(workspace, lake):
    code = (
        "import sys, pathlib\n"
        "from storage.lake.lake import Lake, table_of\n"
        "from storage.workspace import Workspace\n"
        "with Lake(Workspace.open(pathlib.Path(sys.argv[1]))) as lake:\n"
        "    for n in range(10_000):\n"
        "        rows = table_of('promotions', [{'candidate': str(n)}] * 50)\n"
        "        lake.commit(f'k{n}', 'test', {'promotions': rows})\n"
        "        print(n, flush=True)\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", code, str(workspace.root)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    acknowledged = [int(writer.stdout.readline()) for _ in range(5)]
    time.sleep(0.05)
    writer.kill()
    writer.wait()
    with Lake(workspace) as again:
        counts = again.rows("select candidate, count(*) as n from promotions group by all")
        keys = {row["key"] for row in again.rows("select key from commits")}
    assert {row["n"] for row in counts} == {50}
    assert {f"k{n}" for n in acknowledged} <= keys == {f"k{row['candidate']}" for row in counts}


def test_every_table_and_column_has_a_comment():
    for name, schema in {"commits": COMMITS, **TABLES}.items():
        assert comment(schema), name
        for field in schema:
            assert comment(field), f"{name}.{field.name}"


def test_every_view_answers_on_an_empty_lake(lake):
    for name in VIEWS:
        assert lake.rows(f"select * from {name}") == []


def test_reading_needs_a_lake(workspace):
    with pytest.raises(WorkspaceError, match="holds no data yet"):
        Lake(workspace, read_only=True)


def _stopped_before_its_tables(workspace):
    catalog = catalog_of(workspace)
    connection = connect(catalog.extension, data_path=workspace.data_path)
    attach(connection, workspace, catalog, read_only=False)
    connection.close()


def _stopped_before_ducklake_had_a_table(workspace):
    with closing(sqlite3.connect(catalog_of(workspace).file)) as connection:
        connection.executescript("pragma journal_mode = wal; create table other (x); drop table other")


@pytest.mark.parametrize("stopped", [_stopped_before_its_tables, _stopped_before_ducklake_had_a_table])
def test_a_lake_whose_making_was_stopped_holds_no_data_yet_and_is_made_by_the_next_run(workspace, stopped):
    stopped(workspace)  # by a full disk, say
    with pytest.raises(WorkspaceError, match="holds no data yet; run a recipe first"):
        Lake(workspace, read_only=True)
    Lake(workspace).close()
    with Lake(workspace, read_only=True) as reader:
        assert reader.rows("select count(*) as n from commits") == [{"n": 0}]


def test_a_reader_cannot_write(workspace, lake):
    with Lake(workspace, read_only=True) as reader, pytest.raises(LakeError, match="read-only"):
        reader.commit("k", "test", {"promotions": promotion(1)})
