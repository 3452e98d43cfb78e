"""People's SQL: what is refused, in words; what a statement can reach when its inspection is taken away; time and memory."""

import json
import os
import re
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pyarrow as pa
import pytest
import yaml

from storage.errors import QueryError, WorkspaceError
from storage.lake.lake import Lake, table_of
from storage.releases.checks import verify_release
from storage.releases.making import create_release
from storage.sql.conditions import taken
from storage.sql.inspection import inspect_condition, inspect_statement, is_plain
from storage.sql.run import Answer, run_sql
from storage.workspace import Workspace
from tests.storage.releases.test_releases import accept

ATTACKS = yaml.safe_load((Path(__file__).parents[3] / "stress/attacks/sql/attacks.yaml").read_text())
"""`python -m stress.attacks sql` makes them for real."""
ROWS = 5000  # enough that the rows lie in a Parquet file


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Workspace:
    workspace = Workspace.create(tmp_path_factory.mktemp("sql") / "it's a workspace")
    with Lake(workspace) as lake:
        lake.commit("k", "test", {"runs": table_of("runs", [{"run_id": "r", "night": "n"}])})
        lake.commit("many", "test", {"problems": table_of("problems", [{"problem_id": str(n)} for n in range(ROWS)])})
        lake.commit("later", "test", {"runs": table_of("runs", [{"run_id": "s", "night": "n"}])})
    return workspace


def test_what_is_not_one_select_over_the_lake_is_refused_in_words():
    passed = []
    for attack in ATTACKS:
        if attack["tries"] == "to exhaust":
            continue
        try:
            inspect_statement(attack["sql"])
        except QueryError as error:
            assert re.search(attack.get("says", ""), str(error)), (attack, str(error))
        else:
            passed.append(attack["sql"])
    assert passed == [
        "select apply(['CANARY'], getenv)"
    ]  # a function that is not called is a column, and there is none


@pytest.mark.parametrize("statement", ["drop table commits", "select * from glob('/*')"])
def test_a_refusal_comes_back_from_the_process(workspace, statement):
    with pytest.raises(QueryError, match=r"only SELECT|glob"):
        run_sql(workspace, statement)


def test_behind_the_inspection_the_process_reaches_nothing_of_the_host(workspace, tmp_path):
    """Every attempt again, with the inspection switched off: DuckDB's switches and the kernel stand alone."""
    foreign = tmp_path / "foreign.sqlite"
    subprocess.run(
        [sys.executable, "-c", "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); "
         "c.execute('create table t (secret text)'); c.execute(\"insert into t values ('s3cret')\"); c.commit()", foreign],
        check=True,
    )  # fmt: skip
    for name, text in {"x.csv": "s3cret\n1\n", "x.json": '{"s3cret": 1}', "stolen": "s3cret"}.items():
        (tmp_path / name).write_text(text)
    tries = [
        f"select * from sqlite_scan('{foreign}', 't')", f"call sqlite_attach('{foreign}'); select * from t",
        f"attach '{foreign}' as f (type sqlite); select * from f.t", f"attach '{tmp_path}/new.db'", "install httpfs",
        f"copy runs to '{tmp_path}/out.csv'", f"from read_text('{tmp_path}/x.csv')", f"from '{tmp_path}/x.csv'",
        f"from read_json('{tmp_path}/x.json')", f"from glob('{tmp_path}/*')", "from read_text('/proc/self/environ')",
        f"load '{tmp_path}/stolen'", "set enable_external_access = true", f"export database '{tmp_path}/all'",
        f"copy runs to '{workspace.data}/out.csv'", f"copy runs to '{workspace.root}/catalog.sqlitex'",
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", _BEHIND, str(workspace.root), json.dumps(tries)],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    outcome = json.loads(done.stdout)
    assert outcome["rows"] == ROWS, "the lake itself stays readable"
    for attempt, message in zip(tries, outcome["words"], strict=True):
        assert message != "done", attempt
    assert "s3cret" not in done.stdout and {path.name for path in tmp_path.iterdir()} == {
        "foreign.sqlite", "x.csv", "x.json", "stolen",
    }  # fmt: skip
    assert not list(workspace.data.glob("*.csv"))


_BEHIND = """
import json, socket, sys
from pathlib import Path
from storage.sql import inspection
from storage.sql import sandbox
from storage.sql.confine import close_network
layers = close_network()
from storage.lake.lake import Lake
from storage.workspace import Workspace
import storage.sql.sandbox as s
words = []
def attempts(connection, *_):
    for attempt in json.loads(sys.argv[2]):
        try:
            connection.execute(attempt).fetchall()
            words.append("done")
        except Exception as error:
            words.append(str(error)[:200])
            try:
                connection.execute("rollback; begin")
            except Exception:
                pass
    try:
        open("/etc/hostname").read()
        words.append("open")
    except OSError:
        pass
    try:
        socket.create_connection(("127.0.0.1", 9), 1)
    except OSError as error:
        assert "refused" not in str(error), error
    rows = connection.execute("select count(distinct problem_id) from problems").fetchone()[0]
    print(json.dumps({"words": words, "rows": rows, "layers": layers}))
    sys.stdout.flush()
import tempfile
with tempfile.TemporaryDirectory() as scratch:
    request = {"workspace": sys.argv[1], "as_of": None, "memory": 1 << 30, "spill": 1 << 30, "scratch": scratch,
               "local": True, "cpu_s": 200}
    attempts(sandbox.closed_lake(request, layers))
    import os
    os._exit(0)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="namespaces and Landlock are Linux's")
def test_the_process_is_closed_by_the_kernel_as_far_as_this_kernel_can(workspace):
    import ctypes

    with Answer(workspace, "select 1 as n") as answer:
        assert [batch.to_pylist() for batch in answer] == [[{"n": 1}]]
    assert "limits" in answer.layers
    assert ("files" in answer.layers) == (ctypes.CDLL(None).syscall(444, None, 0, 1) >= 1)


def test_a_select_returns_its_rows(workspace):
    assert run_sql(workspace, "select run_id from runs order by 1").to_pylist() == [{"run_id": "r"}, {"run_id": "s"}]
    assert run_sql(workspace, "select count(distinct problem_id) as n from problems").to_pylist() == [{"n": ROWS}]
    assert run_sql(workspace, "describe funnel").num_rows > 5


@pytest.mark.parametrize(
    "statement",
    [
        "with x as (select 1 as a) select a from x",
        "select unnest([1, 2]) as n",
        "summarize runs",
        "show tables",
        "from samples select method, count(*) group by all order by all limit 3",
        "select * from (values (1), (2)) v(x) join range(3) r(x) using (x)",
        "select json_extract_string(attrs, '$.x'), attrs->>'$.y', len(parents), parents[1] from samples",
        "select night, sum(words) filter (where method = 'cot') over (partition by night order by tier) from samples",
        "select date_trunc('day', created_at), regexp_extract(key, '[a-z]+'), if(seq > 1, 'a', 'b') from commits",
        "with recursive t as (select 1 as n union all select n + 1 from t where n < 5) select max(n) from t",
        "from samples tablesample 10%",
        "select case when 'a' ilike 'A' then interval 1 day end, list_transform([1], x -> x + 1), {'a': 1}.a, current_date",
    ],
)
def test_ordinary_questions_pass_the_inspection(statement):
    inspect_statement(statement)


@pytest.mark.slow
def test_the_lake_as_it_stood_is_decided_by_commits(workspace):
    assert run_sql(workspace, "select run_id from runs", as_of="1").to_pylist() == [{"run_id": "r"}]
    assert run_sql(workspace, "select count(*) as n from problems", as_of="1").to_pylist() == [{"n": 0}]
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    assert run_sql(workspace, "select max(seq) as n from commits", as_of=tomorrow).to_pylist() == [{"n": 3}]
    with pytest.raises(QueryError, match="no such commit yet; the last one is 3"):
        run_sql(workspace, "select 1", as_of="4")
    with pytest.raises(QueryError, match="nothing had been committed by then"):
        run_sql(workspace, "select 1", as_of="2001-01-01")
    with pytest.raises(QueryError, match="give a commit number"):
        run_sql(workspace, "select 1", as_of="yesterday")


@pytest.mark.slow
def test_a_statement_that_takes_too_long_is_killed(workspace):
    with pytest.raises(QueryError, match=r"stopped after 3 s.*--timeout"):
        run_sql(workspace, "select count(*) from range(1000000000) a, range(1000000) b", timeout=3)


@pytest.mark.slow
def test_a_statement_ends_with_the_process_that_asked(workspace):
    code = (
        "import sys, pathlib\nfrom storage import Workspace, stream\n"
        "with stream(Workspace.open(pathlib.Path(sys.argv[1])), sys.argv[2]) as answer:\n"
        "    for batch in answer:\n        print(answer.pid, flush=True)\n"
    )
    statement = "select a.range from range(1000000000) a, range(1000000) b where hash(a.range) % 3 = 0"
    asker = subprocess.Popen(
        [sys.executable, "-c", code, str(workspace.root), statement], stdout=subprocess.PIPE, text=True
    )
    pid = int(asker.stdout.readline())
    asker.kill()
    asker.wait()
    deadline = time.monotonic() + 60
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(pid)


@pytest.mark.slow
def test_a_statement_that_wants_too_much_memory_is_stopped(workspace):
    with pytest.raises(QueryError, match="more memory"):
        run_sql(workspace, "select list(range) from range(10000000000)", memory=256 << 20)


@pytest.mark.slow
def test_memory_that_duckdb_does_not_count_is_counted_all_the_same(workspace):
    """The process is measured, not DuckDB's own books: this statement held 3 GiB under a limit of 256 MiB."""
    refused = "its process held more than 300 MiB|needs more memory than a statement may have"  # whoever notices first
    with pytest.raises(QueryError, match=refused):
        run_sql(workspace, "select length(repeat(repeat('x', 1000000), 3000)) from range(3)", memory=300 << 20)


@pytest.mark.slow
def test_what_spills_stays_within_its_memory_and_its_room(workspace):
    sort = "select count(*) from (select hash(range)::varchar || repeat('x', 100) as k from range(3000000) order by k offset 9)"
    assert run_sql(workspace, sort, memory=400 << 20).num_rows == 1
    with pytest.raises(QueryError, match="--spill"):
        run_sql(workspace, sort, memory=400 << 20, spill=16 << 20)


def test_less_memory_than_the_process_itself_needs_is_refused(workspace):
    with pytest.raises(QueryError, match=r"--memory 64: the process holds|its process held more than 64 MiB"):
        run_sql(workspace, "select 1", memory=64 << 20)


@pytest.mark.slow
def test_what_was_spilled_is_gone_after_the_client_was_killed(workspace, tmp_path):
    code = (
        "import sys, pathlib\nfrom storage import Workspace, query\n"
        "query(Workspace.open(pathlib.Path(sys.argv[1])), sys.argv[2], memory=400 << 20)\n"
    )
    sort = "select max(k) from (select hash(range)::varchar || repeat('x', 100) as k from range(90000000) order by k offset 9)"
    asker = subprocess.Popen(
        [sys.executable, "-c", code, str(workspace.root), sort], env=os.environ | {"TMPDIR": str(tmp_path)}
    )
    deadline = time.monotonic() + 120
    while not any(path.stat().st_size for path in tmp_path.rglob("*.tmp")) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert any(tmp_path.rglob("*.tmp"))
    asker.kill()
    asker.wait()
    deadline = time.monotonic() + 60
    while any(tmp_path.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ("(select count(*) from range(10000000) x, range(10000000) y where x.range + y.range < 0) = 0", "stopped after 3 s"),
        ("levenshtein(repeat('a', 90000), repeat(sample_id, 90000)) > 5", "stopped after 3 s"),  # one call, 24 s
        ("levenshtein(repeat('a', 90000), repeat('b', 90000)) > 5", "stopped after 3 s"),  # before there is a row
        ("length(json_structure(('['||repeat('[', 900000)||repeat(']', 900000)||']')::json)::varchar) > 0", "code|stopped after"),
        ("length(repeat(sample_id, 3000000000)) > 0", "more memory|held more than|stopped after 3 s"),
    ],
)  # fmt: skip
def test_a_condition_has_a_time_limit(lake, condition, says):
    """A release and what selects of one outlive it, whatever it does to the process that it runs in."""
    accept(lake, "a", "b")
    release = create_release(lake, "set", night=None, condition="true")
    began = time.monotonic()
    with pytest.raises(QueryError, match=says):
        create_release(lake, "set", night=None, condition=condition, timeout=3.0)
    with pytest.raises(QueryError, match=says):
        list(taken(release.export(), f"select sample_id from accepted where {condition}", "it", timeout=3.0))
    assert time.monotonic() - began < 20, "what was stopped was waited for"
    assert create_release(lake, "set", night=None, condition="length(sample_id) = 1").rows == 2


@pytest.mark.slow
def test_a_condition_over_an_export_reaches_nothing_else(lake, monkeypatch):
    accept(lake, "z")
    release = create_release(lake, "one", night=None, condition="sample_id = 'z'")
    program = "import storage.sql.inspection as i; i.inspect_statement = lambda s: None; import storage.sql.sandbox as s; s.main()"
    popen = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda command, **more: popen(
        [command[0], "-c", program, command[-1]] if "storage.sql.sandbox" in command else command, **more
    ))  # fmt: skip
    for other in (str(lake.workspace.data_path).replace("'", "''") + "/x", "/etc/passwd"):
        with pytest.raises(QueryError, match=r"Permission|permission|disabled|Cannot open"):
            list(taken(release.export(), f"select content from read_text('{other}')", "it"))
    assert [batch.num_rows for batch in taken(release.export(), "select sample_id from accepted", "it")] == [1]


def test_an_error_after_the_first_rows_is_not_lost(workspace):
    statement = "select cast(if(range > 60000, 'x', '1') as int) as n from range(100000)"
    with pytest.raises(QueryError, match="Could not convert"), Answer(workspace, statement) as answer:
        for batch in answer:
            assert isinstance(batch, pa.RecordBatch)


def test_an_error_of_the_statement_is_said(workspace):
    with pytest.raises(QueryError, match="nothing"):
        run_sql(workspace, "select nothing from commits")


def test_an_empty_workspace_says_what_to_do(tmp_path):
    with pytest.raises(WorkspaceError, match="run a recipe first"):
        run_sql(Workspace.create(tmp_path / "w"), "select 1")


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ("true) union all select 1 from samples where (true", "one condition"),
        ("true) order by (1", "one condition"),
        ("true) group by (method", "one condition"),
        ("true) limit (1", "one condition|syntax"),
        ("false) or (true", "one condition"),
        ("(tier > 1) or (tier < 0)", None),
        ("true -- ", None),
        ("true) --", "syntax error"),
        ("true; drop table samples", "syntax error"),
        ("sample_id in (select content from read_text('/etc/passwd'))", "read_text"),
        ("getenv('HOME') = 'x'", "getenv"),
        ("random() < 0.5", "each time"),
        ("night > current_date::varchar", "each time"),
        ("localtime > '12:00'", "localtime gives another answer each time"),
        ("current_time is not null", "each time"),
        ("localtimestamp > '2026-01-01'", "each time"),
        ("age(night::timestamp) < interval 3 days", "each time"),
        ("age('2026-01-05'::timestamp, night::timestamp) < interval 3 days", None),
        ("sample_id in (select sample_id from samples using sample 10%)", "a sample is another one"),
        ("sample_id in (select sample_id from samples tablesample 10%)", "a sample is another one"),
        ("sample_id in (select sample_id from samples limit 5)", "limit, offset or distinct on without an order"),
        ("sample_id in (select sample_id from samples offset 5)", "without an order"),
        ("sample_id in (select sample_id from samples order by sample_id limit 5)", None),
        ("sample_id in (select distinct on (method) sample_id from samples)", "without an order"),
        ("sample_id in (select distinct on (method) sample_id from samples order by method, sample_id)", None),
        (
            "exists (select 1 from (select row_number() over () n from samples) where n < 5)",
            "row_number without an order",
        ),
        ("exists (select 1 from (select row_number() over (order by sample_id) n from samples) where n < 5)", None),
        ("exists (select sum(words) over (rows 1 preceding) n from samples)", "sum without an order"),
        ("exists (select sum(words) over (partition by method) n, rank() over () from samples)", None),
        ("sample_id = (select any_value(sample_id) from samples)", "any_value without an order"),
        ("sample_id = (select arbitrary(sample_id) from samples)", "without an order"),
        ("sample_id = (select first(sample_id) from samples)", "without an order"),
        ("sample_id = (select last(sample_id order by sample_id) from samples)", None),
        ("words > (select reservoir_quantile(words, 0.5) from samples)", "each time"),
        ("method in (select unnest(approx_top_k(method, 3)) from samples)", "each time"),
        ("list_aggregate([words], 'reservoir_quantile', 0.5) > 1", "each time"),
        ("list_aggregate([words], 'sum') > 1", None),
        ("exists (select 1 from samples positional join verdicts)", "positional join"),
        ("sample_id in (select sample_id from samples where file_row_number < 9)", "file_row_number gives another"),
        ("", "syntax error"),
        ("true)\0", "NUL"),
        ("method = 'cot' and sample_id not in (select sample_id from verdicts where filter = 'length')", None),
        ("method like 'tutor%' or tier > 2", None),
    ],
)
def test_a_condition_is_inspected_like_a_statement(condition, says):
    if says is None:
        inspect_condition(condition)
    else:
        with pytest.raises(QueryError) as refused:
            inspect_condition(condition)
        assert re.search(says, str(refused.value))


@pytest.mark.parametrize(
    ("condition", "plain"),
    [
        ("true", True),
        ("not false", True),
        ("response::boolean", False),
        ("split_part(night, '/', 2) = 'nightly'", True),
        ("method in ('cot', 'gold') and not (tier between 1 and 3) or gold is null", True),
        ("method like 'c%'", False),
        ("length(response) > 5", False),
        ("tier::varchar = '1'", False),
        ("words + 1 > 2", False),
        ("sample_id in (select sample_id from verdicts)", False),
        ("case when tier > 1 then true else false end", False),
        ("split_part(repeat(night, 9), '/', 2) = 'nightly'", False),
    ],
)
def test_a_condition_that_only_compares_needs_no_process_of_its_own(condition, plain):
    inspect_condition(condition)
    assert is_plain(condition) == plain


@pytest.mark.slow
def test_people_ask_and_release_on_either_catalogue(either):
    with Lake(either) as lake:
        accept(lake, "a", "b")
        accept(lake, "c")
        for name, condition in (("plain", "method = 'cot'"), ("set", "method like 'c%' and length(sample_id) = 1")):
            release = create_release(lake, name, night=None, condition=condition)
            assert release.rows == 3 and verify_release(lake, release) == []
    assert run_sql(either, "select count(*) as n from accepted").to_pylist() == [{"n": 3}]
    assert run_sql(either, "select count(*) as n from accepted", as_of="1").to_pylist() == [{"n": 2}]
