"""The main job in small: gold solutions with calculator marks, a student served by a real vLLM, benchmarks kept out.

Its server is started, dies, is started again, and loses its owner: what only the real one can show of a managed server.
"""

import contextlib
import json
import sqlite3

import psutil
import pytest

from storage.lake.lake import Lake
from storage.workspace import Workspace
from tests.servers import need_vllm
from tests.waiting import wait_for

PROBLEMS = [
    ("Tom has {a} pens and buys {b} more. How many pens has he?", "{a} + {b} = <<{a}+{b}={c}>>{c} pens.\n#### {c}"),
    (
        "A box holds {a} eggs. How many eggs are in {b} boxes?",
        "{b} boxes hold {a}*{b} = <<{a}*{b}={d}>>{d} eggs.\n#### {d}",
    ),
]
LEAKED = (
    "Mia plants {a} tulips in each of {b} long rows beside the old garden wall. How many tulips does she plant in all?"
)


def write(path, rows) -> None:
    path.write_text("".join(json.dumps({"question": question, "answer": answer}) + "\n" for question, answer in rows))


def while_alive(process, probe):
    """A probe that fails when the night ends before it was true."""

    def alive():
        assert process.poll() is None, process.stdout.read()[-3000:]
        return probe()

    return alive


def student_answers(cli) -> int:
    try:
        with contextlib.closing(sqlite3.connect(f"file:{cli.workspace}/ledger.sqlite?mode=ro", uri=True)) as ledger:
            return ledger.execute("select count(*) from calls where role = 'student'").fetchone()[0]
    except sqlite3.OperationalError:  # not there yet
        return 0


def serving(cli) -> list[psutil.Process]:
    """Every process of the night's server: the record names them, also those whose parent is gone."""
    with contextlib.suppress(OSError, ValueError):
        record = json.loads((cli.workspace / "servers/student/vllm.json").read_text())
        return [psutil.Process(process["pid"]) for process in record["processes"] if psutil.pid_exists(process["pid"])]
    return []


def kill_engine(cli) -> None:
    """End the engine behind the API server, as a lack of memory would."""
    (engine,) = [process for process in serving(cli) if "EngineCore" in "".join(process.cmdline())]
    engine.kill()


@pytest.mark.vllm
@pytest.mark.timeout(600)
def test_a_student_on_vllm_is_tutored_and_a_benchmark_stays_out(cli):
    need_vllm()
    filled = [
        tuple(text.format(a=a, b=b, c=a + b, d=a * b) for text in pair)
        for pair in PROBLEMS
        for a, b in ((3, 4), (12, 5), (30, 7), (9, 9), (21, 2), (6, 8))
    ]
    leak = (LEAKED.format(a=12, b=5), "12*5 = <<12*5=60>>60 tulips.\n#### 60")
    write(cli.folder / "train.jsonl", [*filled, leak])
    write(cli.folder / "test.jsonl", [leak])
    recipe = cli.recipe(
        {
            "name": "words",
            "dataset": "words",
            "problems": {
                "sources": [{"name": "words", "kind": "gsm8k", "options": {"path": str(cli.folder / "train.jsonl")}}],
                "fresh": False,
            },
            "benchmarks": [
                {"name": "words-test", "kind": "gsm8k", "options": {"path": str(cli.folder / "test.jsonl")}}
            ],
            "models": {
                "teacher": {"engine": "solver"},
                "student": {"engine": "vllm", "checkpoint": "promoted", "concurrency": 1},
            },
            "methods": [
                {"method": "gold"},
                {"method": "tutorship", "params": {"attempt_tokens": 24}},
                {"method": "critique", "params": {"attempt_tokens": 24}},
            ],
        }
    )
    process = cli.start("run", recipe, "--date", "2026-01-01", "--quiet")
    before_death = wait_for(while_alive(process, lambda: student_answers(cli)), 300, pause_s=0.02)
    kill_engine(cli)
    wait_for(while_alive(process, lambda: student_answers(cli) == 13), 300, pause_s=0.02)
    processes = serving(cli)
    process.kill()
    process.communicate()
    assert before_death < 13 and len(processes) >= 3
    _, left = psutil.wait_procs(processes, timeout=30)
    assert not left, "the server ended with its owner"
    log = cli.workspace / "servers/student/vllm.log"
    started = log.stat().st_mtime
    night = json.loads(cli("run", recipe, "--date", "2026-01-01", "--json", "--quiet"))["night"]
    assert log.stat().st_mtime == started, "every answer was in the ledger: no server was needed"
    funnel = {line["method"]: line for line in night["funnel"]}
    for line in funnel.values():
        assert line["planned"] == 13 == line["done"] + line["failed"]
        assert line["made"] == line["accepted"] + line["rejected"]
    assert funnel["gold"]["accepted"] == 12, "the leaked problem is blocked, everything else passes"
    with Lake(Workspace.open(cli.workspace), read_only=True) as lake:
        reason = lake.rows("select reason from rejected where method = 'gold'")[0]["reason"]
        student = lake.rows("select count(*) as n, sum(completion_tokens) as t from calls where role = 'student'")[0]
    assert reason.startswith("decontamination:")
    assert student["n"] == 13 and student["t"] > 0, "tutorship and critique share the student's attempts"
    again = json.loads(cli("run", recipe, "--date", "2026-01-01", "--json", "--quiet"))["night"]
    assert again["again"]
