import pytest

from storage.errors import QueryError
from storage.lake import table_of
from storage.sql import run_sql

REFUSED = {
    "drop table commits": "only SELECT",
    "insert into commits select * from commits": "only SELECT",
    "copy commits to '/tmp/stolen'": "only SELECT",
    "attach '/tmp/other.db'": "only SELECT",
    "select 1; select 2": "one SELECT at a time",
    "": "one SELECT at a time",
    "select * from acepted": "did you mean 'accepted'",
    "select * from '/etc/passwd'": "unknown table",
    "select * from 'x.parquet'": "unknown table",
    "select * from read_text('/etc/passwd')": "read_text",
    "select * from glob('/*')": "glob",
    "select * from sqlite_scan('ledger.sqlite', 'calls')": "sqlite_scan",
    "select * from query('select 1')": "query",
    "select getenv('HOME')": "getenv",
    "select (select count(*) from read_csv('/etc/passwd'))": "read_csv",
    "with x as (select * from parquet_scan('y')) select * from x": "parquet_scan",
    "select * from duckdb_settings()": "duckdb_settings",
    "select * from information_schema.tables": "outside the lake",
    "selec 1": "syntax error",
    "select nothing from commits": "nothing",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    from storage.lake import Lake
    from storage.workspace import Workspace

    workspace = Workspace.create(tmp_path_factory.mktemp("sql") / "w")
    with Lake(workspace) as lake:
        lake.commit("k", "test", {"runs": table_of("runs", [{"run_id": "r", "night": "n"}])})
        many = [{"problem_id": str(number)} for number in range(5000)]  # enough that the rows lie in a Parquet file
        lake.commit("many", "test", {"problems": table_of("problems", many)})
    return workspace


@pytest.mark.parametrize("statement", REFUSED)
def test_what_is_not_one_select_over_the_lake_is_refused_in_words(place, statement):
    with pytest.raises(QueryError, match=REFUSED[statement]):
        run_sql(place, statement)


def test_a_select_returns_its_rows(place):
    assert run_sql(place, "select run_id from runs").to_pylist() == [{"run_id": "r"}]
    assert run_sql(place, "select count(distinct problem_id) as n from problems").to_pylist() == [{"n": 5000}]
    assert run_sql(place, "with x as (select 1 as a) select a from x").to_pylist() == [{"a": 1}]
    assert run_sql(place, "select unnest([1, 2]) as n").to_pylist() == [{"n": 1}, {"n": 2}]
    assert run_sql(place, "describe funnel").num_rows > 5
