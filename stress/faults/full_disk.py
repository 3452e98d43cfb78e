"""Small nights on a disk that is full from the n-th write on: a process that is loaded with `full_disk.c`.

    LD_PRELOAD=full_disk.so FULL_DISK=FOLDER python -m stress.faults.full_disk FOLDER

It reads an n a line, and answers each with a line of JSON: which write failed first, how the night ended, what it said, and what
the next run made of it. The first line it writes unasked, for a disk that is never full: it has the kind of every write. Each night
runs in a child of its own that begins with everything imported, as the command line runs it but without a Prefect server, which
would write to the same disk in a process of its own.
"""

import asyncio
import ctypes
import importlib
import io
import itertools
import json
import os
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, suppress
from pathlib import Path
from typing import Any

import duckdb
import typer

from benchmarks.soaking.plain import without_prefect
from flows import nightly
from flows.cli.shared import sentences
from flows.recipe.recipe import make_recipe
from flows.report.progress import Progress
from storage.errors import WorkspaceError
from storage.lake.lake import Lake
from storage.ledger.ledger import Ledger
from storage.ledger.published import check
from storage.upkeep.check import check_lake
from storage.workspace import Workspace
from stress.faults.writes import OURS, read
from tests.server_program import CHECKOUT

DATE = "2026-01-01"
PROBLEMS = 8
RECIPE = {
    "name": "small",
    "shard": 4,
    "problems": {
        "limit": PROBLEMS,
        "sources": [{"name": "a", "kind": "arithmetic", "options": {"tiers": [1]}, "heldout": 2}],
    },
    "models": {"teacher": {"engine": "solver"}},
    "methods": [{"method": "cot", "params": {"temperature": 0}}],
}
NEVER = 1 << 40
_COSTLY = "statistics_propagation,join_order"
"""Optimisers of DuckDB that take most of a small night's processor time, and write nothing."""
_disk = ctypes.CDLL(None)


def night(root: Path) -> None:
    """Run the night, or what is left of it."""
    with without_prefect():
        workspace = Workspace.create(root)
        asyncio.run(nightly.run_night(make_recipe(RECIPE, folder=root), DATE, workspace, Progress(quiet=True)))


def books(root: Path) -> dict[str, Any]:
    """What the night's books say after it has ended, and what is wrong with lake and ledger."""
    workspace = Workspace.open(root)
    with Lake(workspace, read_only=True) as lake, Ledger(workspace.ledger) as ledger:
        (attempts,) = lake.rows(
            "select count(*) filter (where status = 'planned') as planned, count(*) filter (where status = 'done') as done "
            "from attempts"
        )
        (samples,) = lake.rows("select count(*) as rows, count(distinct sample_id) as distinct_rows from samples")
        (released,) = lake.rows("select count(*) as released from release_rows")
        return {
            **attempts, **samples, **released, "calls": ledger.count(), "agree": check(ledger, lake).agree,
            "wrong": check_lake(lake, deep=True),
        }  # fmt: skip


def wrong_now(root: Path) -> list[str]:
    """What is wrong with the lake as the night left it; nothing where there is none yet."""
    try:
        with Lake(Workspace.open(root), read_only=True) as lake:
            return check_lake(lake, deep=True)
    except WorkspaceError:
        return []


def in_child(work: Callable[[], Any], writes: int = NEVER, *, told: bool = False) -> dict[str, Any]:
    """Do something in a child whose disk takes so many writes; how it ended, what it said, what it returned.

    Args:
        work: What it does.
        writes: How many writes its disk takes.
        told: Whether it tells of every write, and not only of the first that fails.
    """
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        with os.fdopen(theirs, "w") as out:
            json.dump(_done(work, writes, told), out)
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as answer:
        text = answer.read()
    status = os.waitpid(child, 0)[1]
    return json.loads(text) if text else {"status": -status, "said": "it ended without a word", "traces": ""}


def _done(work: Callable[[], Any], writes: int, told: bool) -> dict[str, Any]:
    output, status, value, traces = io.StringIO(), 0, None, os.memfd_create("traces")
    _disk.disk_traces(traces, int(told))
    _disk.disk_fills_at(ctypes.c_long(writes))
    with redirect_stderr(output):
        try:
            with sentences():
                value = work()
        except typer.Exit as ended:
            status = ended.exit_code
        except BaseException:  # what users would see
            status = 99
            traceback.print_exc()
    _disk.disk_fills_at(ctypes.c_long(NEVER))
    text = os.pread(traces, os.lseek(traces, 0, os.SEEK_END), 0).decode(errors="replace")
    cpu = time.process_time()
    return {"status": status, "said": output.getvalue(), "value": value, "traces": text, "cpu": cpu}


def stopped_at(root: Path, writes: int, *, told: bool = False) -> dict[str, Any]:
    """A night on a disk that takes so many writes, what it left, and what the next run made of it.

    Args:
        root: The workspace.
        writes: How many writes the disk takes.
        told: Whether the kind of every write is told, and not only of the first that fails.
    """
    shutil.rmtree(root, ignore_errors=True)
    stopped = in_child(lambda: night(root), writes, told=told)
    wrong = in_child(lambda: wrong_now(root))
    again = in_child(lambda: night(root))
    after = in_child(lambda: books(root))
    return {
        "kinds": read(stopped["traces"], root, CHECKOUT), "status": stopped["status"], "said": stopped["said"],
        "wrong": wrong.get("value"), "wrong_said": wrong["said"], "again": again["status"], "again_said": again["said"],
        "after": after.get("value"), "after_said": after["said"],
        "cpu": [stopped.get("cpu"), wrong.get("cpu"), again.get("cpu"), after.get("cpu")],
    }  # fmt: skip


def import_all(root: Path) -> list[str]:
    """Import and load here what a night and its books need, so that each child begins with it; return which files are ours."""

    def needed() -> tuple[list[str], list[str]]:
        night(root)
        books(root)
        maps = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
        return sorted(sys.modules), sorted({line.split()[-1] for line in maps if line.endswith(".duckdb_extension")})

    modules, extensions = in_child(needed)["value"]
    for name in modules:
        with suppress(Exception):  # what is made while a program runs
            importlib.import_module(name)
    for file in extensions:
        ctypes.CDLL(file)
    files = (Path(module.__file__) for module in list(sys.modules.values()) if getattr(module, "__file__", None))
    ours = (file.relative_to(CHECKOUT) for file in files if file.is_relative_to(CHECKOUT))
    return sorted(str(file) for file in ours if file.parts[0] in OURS)


def make_cheap() -> None:
    """Give each connection one thread, and spare it what a small lake does not need: hundreds of nights are run.

    The extensions' signatures, which take a tenth of a second, are not looked at again.
    """
    connect = duckdb.connect

    def cheap(*arguments: Any, config: Mapping[str, Any] | None = None, **options: Any) -> Any:
        given = {**(config or {}), "threads": 1, "allow_unsigned_extensions": True}
        connection = connect(*arguments, config=given, **options)
        connection.execute(f"set disabled_optimizers = '{_COSTLY}'")
        return connection

    duckdb.connect = cheap


def main(folder: Path) -> None:
    """Run nights until nothing more is asked."""
    make_cheap()
    files = import_all(folder / "imported")
    for at in itertools.chain([NEVER], map(int, sys.stdin)):
        outcome = stopped_at(folder / "w", at, told=at == NEVER)
        first = {"at": None, "files": files} if at == NEVER else {"at": at}
        print(json.dumps({**first, **outcome}), flush=True)  # noqa: T201 - its output


if __name__ == "__main__":
    main(Path(sys.argv[1]))
