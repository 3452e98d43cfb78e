"""`nightschool sql`, `lineage` and `why` as people use them: outputs, examples, time travel, the prompt, the stock shell."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from typer.testing import CliRunner

from flows.cli import app
from flows.cli.commands.sql import Mode, Session
from flows.cli.prompt import SqlCompleter, run_prompt
from storage.errors import QueryError
from storage.lake.lake import Lake
from storage.releases.reading import get_release
from storage.sql.describe import describe
from storage.sql.questions import QUESTIONS
from storage.workspace import Workspace
from tests.doc_commands import ROOT, commands
from tests.flows.conftest import SMALL
from tests.storage.small import build


@dataclass
class Shell:
    workspace: Workspace

    def __call__(self, *arguments: str, code: int = 0, stdin: str | None = None) -> str:
        done = CliRunner(env={"HF_TOKEN": None}).invoke(app, [*arguments, "-w", str(self.workspace.root)], input=stdin)
        assert done.exit_code == code, done.output
        return done.stdout if code == 0 else done.stderr


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    return Shell(build(tmp_path_factory.mktemp("query") / "w"))


@pytest.mark.slow
def test_rows_as_a_table_json_csv_and_parquet(shell, tmp_path):
    statement = "select method, count(*) as n from accepted group by all order by all"
    assert json.loads(shell("sql", statement, "--json")) == [
        {"method": "cot", "n": 12},
        {"method": "tutorship", "n": 8},
    ]
    assert shell("sql", statement, "--csv").splitlines() == ["method,n", "cot,12", "tutorship,8"]
    target = tmp_path / "rows.parquet"
    assert "2 rows written" in shell("sql", statement, "--parquet", str(target))
    assert pq.read_table(target)["n"].to_pylist() == [12, 8]
    assert "exists already" in shell("sql", statement, "--parquet", str(target), code=1)
    assert "tutorship" in shell("sql", stdin=statement), "a statement may come through a pipe"
    script = ".mode csv\nselect ';' as a;\nselect\n  2 as b; -- two;\n.quit\nselect nothing"
    assert shell("sql", stdin=script).splitlines() == ["mode csv", "a", ";", "b", "2"], "and so may what one would type"
    assert "did you mean '.mode'" in shell("sql", stdin=".moed csv\nselect 1;", code=1)
    assert "standard input is empty" in shell("sql", stdin="\n", code=1)
    assert "(view)" in shell("sql", ".schema funnel"), "a command of the prompt is an argument too"
    assert "choose one" in shell("sql", statement, "--json", "--csv", code=1)


@pytest.mark.slow
def test_numbers_are_numbers_and_intervals_are_read(shell, tmp_path):
    statement = "select sum(words) as s, 1.5::decimal(9, 2) as d, interval '1 month 2 days 3 hours' as i, null as n from accepted"
    assert json.loads(shell("sql", statement, "--json")) == [
        {"s": 60, "d": 1.5, "i": "1 month 2 days 03:00:00", "n": None}
    ]
    assert shell("sql", statement, "--csv") == "s,d,i,n\n60,1.50,1 month 2 days 03:00:00,\n"
    assert shell("sql", statement).splitlines()[-1].split("  ") == ["60", "1.50", "1 month 2 days 03:00:00", "NULL"]
    assert "n  NULL" in shell("sql", statement, "--mode", "vertical")
    assert "choose one" in shell("sql", statement, "--json", "--mode", "vertical", code=1)


@pytest.mark.slow
def test_columns_of_one_name_are_told_apart(shell, tmp_path):
    statement = "select 1 as a, 2 as a, 3 as a_1, 4 as A"
    assert json.loads(shell("sql", statement, "--json")) == [{"a": 1, "a_2": 2, "a_1": 3, "A": 4}]
    assert shell("sql", statement, "--csv").splitlines() == ["a,a_2,a_1,A", "1,2,3,4"]


@pytest.mark.slow
def test_json_has_no_nan(shell):
    output = shell("sql", "select 'nan'::double as a, [1e308 * 10] as b, 1.5::double as c", "--json")
    assert json.loads(output, parse_constant=pytest.fail) == [{"a": None, "b": [None], "c": 1.5}]


@pytest.mark.slow
def test_text_on_the_terminal_is_shown_as_it_is(shell):
    output = shell("sql", "select '\\[ x \\] [/red] [bold]' as \"[/b]\", chr(27) || '[2J' || chr(155) || 'm' as b")
    assert "\\[ x \\] [/red] [bold]" in output and "[/b]" in output
    assert "\\x1b[2J\\x9bm" in output and "\x1b" not in output


@pytest.mark.slow
def test_examples_schema_and_time_travel(shell):
    assert len(json.loads(shell("sql", "--examples", "--json"))) >= 20
    assert "cost-per-accepted-token" in shell("sql", "--examples")
    assert json.loads(shell("sql", "--example", "rejections-by-reason", "--json", "--as-of", "1"))[0]["rows"] == 2
    assert "attempts planned" in shell("sql", "funnel", "--schema")
    assert {relation["name"] for relation in json.loads(shell("sql", "--schema", "--json"))} >= {
        "samples",
        "funnel",
        "commits",
    }


@pytest.mark.slow
def test_a_refusal_is_a_sentence(shell):
    assert shell("sql", "select * from read_text('/etc/passwd')", code=1).startswith(
        "error: table function 'read_text'"
    )
    assert "--timeout" in shell(
        "sql", "select count(*) from range(10000000000) a, range(9) b", "--timeout", "2", code=1
    )


@pytest.mark.slow
def test_lineage_both_ways(shell):
    lineage = json.loads(shell("lineage", "model-0", "--rows", "--json"))
    assert len(lineage["rows"]) == 10 and lineage["models"][0]["calls"] == 10
    assert json.loads(shell("lineage", "student", "--json"))["checkpoint_id"] == "model-1"
    assert "model-1" in shell("lineage", "cot-00") and "read by model-1" in shell("why", "cot-00")


def complete(text: str, at: int | None = None) -> set[str]:
    completions = SqlCompleter(describe()).get_completions(Document(text, at), CompleteEvent())
    return {completion.text for completion in completions}


def test_the_prompt_completes_tables_columns_functions_and_commands():
    assert complete("select * from acc") == {"accepted"}
    assert "rejected" in complete("select rej") and complete("select planned, fai") == set()
    assert "failed" in complete("from funnel select fai") and "percent" not in complete("from funnel select per")
    assert "date_trunc(" in complete("select date_tr") and complete(".sch") == {".schema"}
    assert "getenv(" not in complete("select get")
    assert complete("select f.plan from funnel f", at=len("select f.plan")) == {"planned"}
    assert "planned" in complete("select * from accepted as a join funnel f using (method) where f.")
    assert complete("select nobody.") == set()


def test_the_prompt_runs_statements_keeps_a_history_and_survives_errors(tmp_path):
    ran: list[str] = []
    lines: list[str] = []

    def run(text: str) -> None:
        ran.append(text)
        if "bad" in text:
            raise QueryError("no such thing")

    with create_pipe_input() as keys:
        keys.send_text("select 1\nas one;\nselect bad;\n.schema funnel\nquit;\n")
        run_prompt(run, tmp_path / "history", lines.append, input=keys, output=DummyOutput())
    assert ran == ["select 1\nas one", "select bad", ".schema funnel"]
    assert lines[-1] == "error: no such thing"
    assert "select bad" in (tmp_path / "history").read_text()


@pytest.mark.slow
def test_commands_of_the_prompt(shell, capsys):
    ran = []
    session = Session(lambda text, mode: ran.append((text, mode.value)), Mode.auto)
    for line in (".help", ".tables", ".mode vertical", "select 1", ".mode", ".example filters"):
        session(line)
    output = capsys.readouterr().out
    assert ".examples" in output and "accepted" in output and output.count("mode vertical") == 2
    assert ran[0] == ("select 1", "vertical") and ran[1][0].startswith("select filter")
    with pytest.raises(QueryError, match=r"unknown command '\.tabels'; did you mean '\.tables'"):
        session(".tabels")
    with pytest.raises(QueryError, match="unknown mode 'wide'"):
        session(".mode wide")


@pytest.mark.slow
def test_drawing_ends_when_nobody_reads(shell):
    command = [sys.executable, "-m", "flows.cli", "sql", "-w", str(shell.workspace.root), "select * from range(1000)"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline().split() == [b"range"]
        process.stdout.close()
        errors = process.stderr.read()
    assert process.returncode == 0 and b"Traceback" not in errors and b"Broken" not in errors


@pytest.mark.slow
def test_the_stock_shell_reads_the_lake_as_the_page_says(shell, tmp_path):
    """The lines of docs/sql.md, in a folder whose workspace came from elsewhere."""
    (tmp_path / ".nightschool").symlink_to(shell.workspace.root)
    lines = list(commands(ROOT / "docs" / "sql.md"))
    script = "\n".join([*lines[-3:-1], lines[-1].replace("duckdb -c", "duckdb -json -c")])
    assert script.startswith("dir=") and "duckdb -json" in script
    script = script.replace("linux_amd64", duckdb.connect().execute("pragma platform").fetchone()[0])
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "HOME": str(tmp_path), "PATH": path, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=240
    )
    assert done.returncode == 0, done.stderr
    assert {(row["method"], row["accepted"]) for row in json.loads(done.stdout)} == {("cot", 6), ("tutorship", 4)}


def test_every_example_is_answered_on_the_lake_of_a_real_night(cli):
    cli("run", cli.recipe(SMALL), "--date", "2026-01-01", "--quiet")
    with Lake(Workspace.open(cli.workspace), read_only=True) as lake:
        answered = {question.name: len(lake.rows(question.sql)) for question in QUESTIONS}
        manifest = get_release(lake, "small").manifest
    needs_training = {"trained-on", "calls-behind-a-model", "models-of-a-row", "students", "accuracy"}
    needs_faults = {"rejections-by-reason", "failures", "duplicates"}
    assert {name for name, rows in answered.items() if not rows} <= needs_training | needs_faults
    assert manifest["recipes"][0]["name"] == "small" and manifest["models"][0]["calls"] == 60
    assert json.loads(cli("sql", "--example", "yield-by-method", "--json"))[0]["made"] == 60
