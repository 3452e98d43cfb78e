"""SQL: a statement that reads, writes, runs or opens something outside the lake, or takes more than it may.

Each is made twice: as people make it, and with its inspection taken away, so that the process, DuckDB's switches and the kernel
stand alone. `{canary}`, `{root}`, `{lake}` and `{port}` in a statement are what must not be read, written or reached.
"""

import atexit
import http.server
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from storage.errors import NightschoolError
from storage.lake.lake import Lake, table_of
from storage.ledger.ledger import Call, Ledger
from storage.sql.inspection import inspect_statement
from storage.sql.run import Answer
from storage.workspace import Workspace
from stress.attacks.runner import entries

SECRET = "c4n4ry-in-a-mine"  # noqa: S105 - what an attack must not get hold of
MEMORY, SPILL, TIMEOUT_S = 400 << 20, 64 << 20, 15.0
GRACE_S = 120.0
"""What starting and ending a process may take on a busy machine."""

_MANY = {
    "brackets": lambda: "(" * 3000 + "1" + ")" * 3000,
    "brackets in WHERE": lambda: "select 1 where " + "(" * 3000 + "true" + ")" * 3000,
    "nots": lambda: "select " + "not " * 5000 + "true",
    "minuses": lambda: "select " + "- " * 5000 + "1",
    "unions": lambda: "select 1" + " union all select 1" * 5000,
    "joins": lambda: "select count(*) from runs" + "".join(f" join runs r{n} using (run_id)" for n in range(400)),
    "columns": lambda: "select " + ",".join(f"{n} as c{n}" for n in range(20000)),
    "a long text": lambda: f"select '{'x' * 2_000_000}'",
    "CTEs": lambda: (
        "with c0 as (from runs), "
        + ",".join(f"c{n} as (select * from c{n - 1}, c{n - 1} x)" for n in range(1, 40))
        + " select count(*) from c39"
    ),
    "CASEs": lambda: "select " + "case when true then " * 2000 + "1" + " end" * 2000,
    "subqueries": lambda: "(select " * 1500 + "1" + ")" * 1500,
    "IN lists": lambda: f"select 1 where 1 in ({','.join(map(str, range(100000)))})",
    "concatenations": lambda: "select 'a'" + " || 'a'" * 8000,
}
"""Statements too long to be written down."""

_BEHIND = """
import json, sys
from storage.sql.confine import close_network
from storage.sql import sandbox
layers = close_network()
connection = sandbox.closed_lake(json.loads(sys.argv[1]), layers)
for line in sys.stdin:
    try:
        outcome = str(connection.execute(json.loads(line)).fetchmany(1000))
    except Exception as error:
        outcome = f"refused: {error}"
    for again in ("rollback", "begin"):
        try:
            connection.execute(again)
        except Exception:
            pass
    print(json.dumps(outcome), flush=True)
"""


@dataclass
class Target:
    """A lake, and beside it what no statement may touch.

    Attributes:
        workspace: The workspace.
        canary: Folder with files that hold the secret.
        port: Port of a server that nobody may reach.
        reached: Paths that were asked of it.
        before: What the folders held.
        behind: What came of each statement without its inspection.
    """

    workspace: Workspace
    canary: Path
    port: int = 0
    reached: list[str] = field(default_factory=list)
    before: dict[str, int] = field(default_factory=dict)
    behind: dict[str, str] = field(default_factory=dict)

    def statement(self, entry: Mapping[str, Any]) -> str:
        """Return the statement of an attack, with this target's places in it."""
        text = str(_MANY[entry["make"]]() if "make" in entry else entry["sql"])
        places = {"canary": self.canary, "root": self.workspace.root, "lake": self.workspace.data, "port": self.port}
        for name, path in places.items():
            text = text.replace(f"{{{name}}}", str(path))
        return text

    def files(self) -> dict[str, int]:
        """Return every file with its size, but those that SQLite and locks make while the lake is read."""
        passing = ("-wal", "-shm", "-journal", ".lock")
        paths = (path for folder in (self.canary, self.workspace.root) for path in folder.rglob("*") if path.is_file())
        return {str(path): path.stat().st_size for path in paths if not path.name.endswith(passing)}


@cache
def _target() -> Target:
    """Make the lake and the canaries, and make every attack on the process behind the inspection."""
    os.environ["CANARY"] = os.environ["AWS_SECRET_ACCESS_KEY"] = SECRET
    kept = tempfile.TemporaryDirectory(prefix="attack-sql-", ignore_cleanup_errors=True)  # until this process ends
    atexit.register(kept.cleanup)
    folder = Path(kept.name)
    workspace = Workspace.create(folder / "w")
    with Lake(workspace) as lake:
        lake.commit("runs", "test", {"runs": table_of("runs", [{"run_id": "r", "night": "n"}])})
        problems = [{"problem_id": str(number), "prompt": "1 + 1?"} for number in range(5000)]
        lake.commit("problems", "test", {"problems": table_of("problems", problems)})
    with Ledger(workspace.ledger) as ledger:
        chat = ({"role": "user", "content": SECRET},)
        ledger.add([Call("k", "m@1", "r", "solve", chat, {}, "0", SECRET, "stop", 1, 1)], published=True)
    canary = folder / "canary"
    canary.mkdir()
    (canary / "canary.txt").write_text(SECRET)
    (canary / "canary.csv").write_text(f"a\n{SECRET}\n")
    (canary / "canary.json").write_text(json.dumps({"a": SECRET}))
    pq.write_table(pa.table({"a": [SECRET]}), canary / "canary.parquet")
    with sqlite3.connect(canary / "canary.sqlite") as database:
        database.execute("create table t (a text)")
        database.execute("insert into t values (?)", [SECRET])
    target = Target(workspace, canary)
    target.port = _serve(target.reached)
    target.before = target.files()
    statements = [target.statement(entry) for entry in entries("sql") if entry["tries"] != "to exhaust"]
    target.behind = _without_inspection(target, statements)
    return target


def attack(entry: Mapping[str, Any], folder: Path) -> str | None:
    """Ask one statement as people do; return what it got, changed or took, None when it got nothing."""
    target = _target()
    statement, started, peak = target.statement(entry), time.monotonic(), [0]
    try:
        inspect_statement(statement)  # as the process does first; where it refuses, no process is needed
        with _watched(peak):
            outcome = _asked(target, statement)
    except NightschoolError as error:
        outcome = str(error)
    took = time.monotonic() - started
    if took > TIMEOUT_S + GRACE_S:
        return f"it took {took:.0f} s of {TIMEOUT_S:g}"
    if peak[0] > 1.5 * MEMORY:
        return f"its process held {peak[0] >> 20} MiB of {MEMORY >> 20}"
    for text in (outcome, target.behind.get(statement, "")):
        if SECRET in text.replace(statement, ""):
            return f"the secret came out: {text[:200]}"
    if target.reached:
        return f"a server was asked for {target.reached.pop()}"
    if (files := target.files()) != target.before:
        changed = sorted(set(files.items()) ^ set(target.before.items()))
        target.before = files
        return f"files changed: {changed[:3]}"
    return None


def _asked(target: Target, statement: str) -> str:
    """Run a statement and return its first rows."""
    with Answer(target.workspace, statement, timeout=TIMEOUT_S, memory=MEMORY, spill=SPILL) as answer:
        return "\n".join(str(batch.slice(0, 50).to_pylist()) for batch in islice(answer, 50))


@contextmanager
def _watched(peak: list[int]) -> Iterator[None]:
    """Note the most that a statement's process holds."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.01):
            with suppress(psutil.Error):  # it has ended meanwhile
                for process in psutil.Process().children():
                    if "storage.sql.sandbox" in process.cmdline():
                        peak[0] = max(peak[0], process.memory_info().rss)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _without_inspection(target: Target, statements: list[str]) -> dict[str, str]:
    scratch = target.canary.parent / "scratch"
    scratch.mkdir()
    request = {
        "workspace": str(target.workspace.root), "as_of": None, "memory": MEMORY, "spill": SPILL, "scratch": str(scratch),
        "local": True, "cpu_s": 600,
    }  # fmt: skip
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", _BEHIND, json.dumps(request)], input="".join(json.dumps(text) + "\n" for text in statements),
        capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    if len(outcomes) != len(statements):
        ended = statements[len(outcomes)] if len(outcomes) < len(statements) else "?"
        raise RuntimeError(f"the process behind the inspection ended at {ended!r}: {done.stderr[-500:]}")
    return dict(zip(statements, outcomes, strict=True))


def _serve(reached: list[str]) -> int:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            reached.append(self.path)
            self.send_error(404)

        def log_message(self, format: str, *arguments: object) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return int(server.server_address[1])
