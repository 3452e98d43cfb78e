"""SQL for people: one SELECT over the lake, read-only, in a process that is closed to the host's files and network.

The statement is inspected first (`inspection.py`), then runs in a process of its own (`sandbox.py`) with limits of
memory and time, which is killed when they are reached; its rows come back as an Arrow stream.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil
import pyarrow as pa

from storage.catalog.catalog import SqliteCatalog, catalog_of
from storage.catalog.presence import must_have_catalog
from storage.errors import QueryError, WorkspaceError
from storage.faults import explain
from storage.workspace import Workspace

TIMEOUT_S = 300.0
"""Seconds a statement may take."""
MEMORY = 2 << 30
"""Bytes that a statement's process may hold (resident); a sort or a join that needs more spills to a private folder."""
SPILL = 16 << 30
"""Bytes that may be spilled; never more than half of what the disk has free."""
_LOOK_S = 0.02
"""How often the process is looked at: what it can touch meanwhile is what it may exceed the limit by."""
_JANITOR = 'cat > /dev/null; for try in 1 2 3 4 5 6 7 8 9; do rm -rf -- "$1" && exit; sleep 0.2; done'
"""Removes a folder once whoever holds the other end of its standard input has ended, be it by kill -9."""
_KEPT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "HOME", "TMPDIR", "LANG", "LC_ALL")
_CATALOG = ("NIGHTSCHOOL_", "PG", "AWS_")
_TOO_MUCH = "needs more memory than a statement may have; narrow it, or allow more with --memory ({})"
_OUT_OF_MEMORY = ("Out of Memory", "MemoryError", "bad_alloc", "realloc of size", "malloc of size")


def run_sql(
    workspace: Workspace,
    statement: str,
    *,
    as_of: str | None = None,
    timeout: float = TIMEOUT_S,
    memory: int = MEMORY,
    spill: int = SPILL,
) -> pa.Table:
    """Run one SELECT and return its rows.

    Args:
        workspace: Whose lake.
        statement: One SELECT, from anybody.
        as_of: The lake as it stood at a commit number, a date or a moment; None for now.
        timeout: Seconds it may take.
        memory: Bytes its process may hold (resident), libraries included.
        spill: Bytes it may spill to disk.

    Raises:
        QueryError: The statement is not one SELECT, names something outside the lake, takes too long or too much, or fails.
        WorkspaceError: The workspace has no lake yet.
    """
    with Answer(workspace, statement, as_of=as_of, timeout=timeout, memory=memory, spill=spill) as answer:
        return pa.Table.from_batches(list(answer), answer.schema)


@dataclass(frozen=True, slots=True)
class Export:
    """The files of a release, which a statement names `accepted` then.

    Attributes:
        folder: Where they are.
        view: Our SELECT over them.
    """

    folder: Path
    view: str


class Answer:
    """The rows of one SELECT, batch by batch, in bounded memory; a context manager that ends the statement's process.

    Args: as for `run_sql`, with an export in place of a workspace where that is asked; `any_order` lets rows come in any
        order, which takes less memory.

    Attributes:
        schema: Arrow schema of the rows.
        pid: The statement's process.
        layers: What the statement's process was closed by, known at the end: `network`, `files`, `limits`.
    """

    def __init__(
        self,
        source: Workspace | Export,
        statement: str,
        *,
        as_of: str | None = None,
        timeout: float = TIMEOUT_S,
        memory: int = MEMORY,
        spill: int = SPILL,
        any_order: bool = False,
    ) -> None:
        asked = _source(source)
        self._root = source.root if isinstance(source, Workspace) else source.folder
        self.layers: list[str] = []
        self._timeout, self._left, self._expired = timeout, timeout, False
        self._memory, self._exceeded = memory, False
        scratch = tempfile.mkdtemp(prefix="nightschool-sql-")
        spill = min(spill, shutil.disk_usage(scratch).free // 2)
        self._janitor = janitor(scratch)
        read, write = os.pipe()
        command = [sys.executable, "-m", "storage.sql.sandbox", str(write)]
        self._process = subprocess.Popen(  # noqa: S603 - our own module; the statement travels as data
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=[write],
            env=closed_environment(), start_new_session=True,
        )  # fmt: skip
        self.pid = self._process.pid
        threading.Thread(target=self._watch, name="memory", daemon=True).start()
        os.close(write)
        self._status = os.fdopen(read, encoding="utf-8")
        request = {
            **asked, "statement": statement, "as_of": as_of, "memory": memory,
            "any_order": any_order, "scratch": scratch, "spill": spill, "cpu_s": round(timeout * (os.cpu_count() or 1)) + 5,
        }  # fmt: skip
        try:
            self._send(request)
            self._reader = self._wait(lambda: pa.ipc.open_stream(self._process.stdout))
        except BaseException:
            self.close()
            raise
        self.schema: pa.Schema = self._reader.schema

    def _send(self, request: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            self._fail("it ended before it was asked")

    def _wait(self, step: Any) -> Any:
        """Do one step that waits for the process; when the time is up, the process is killed."""
        timer = threading.Timer(max(self._left, 0), self._expire)
        timer.daemon = True
        started = time.monotonic()
        timer.start()
        try:
            return step()
        except (pa.ArrowInvalid, OSError, EOFError) as error:
            self._fail(str(error))
        finally:
            timer.cancel()
            self._left -= time.monotonic() - started

    def _expire(self) -> None:
        self._expired = True
        self._process.kill()

    def _watch(self) -> None:
        """Kill the process as soon as it holds more memory than it may."""
        try:
            process = psutil.Process(self.pid)
            while self._process.poll() is None:
                if process.memory_info().rss > self._memory:
                    self._exceeded = True
                    self._process.kill()
                time.sleep(_LOOK_S)
        except psutil.Error:  # it has ended
            return

    def _fail(self, seen: str) -> None:
        """Raise what the process said, or what became of it."""
        text = self._status.read()
        code = self._process.wait()
        if self._expired:
            raise QueryError(f"stopped after {self._timeout:g} s; narrow the statement, or allow more with --timeout")
        if self._exceeded:
            raise QueryError(_TOO_MUCH.format(f"its process held more than {self._memory >> 20:,} MiB"))
        status = json.loads(text) if text else {}
        if status.get("kind") in ("WorkspaceError", "LakeError"):
            raise WorkspaceError(status["error"])
        message = self._said(status) or f"the statement's process ended with code {code} ({seen}{self._last_words()})"
        if "max_temp_directory_size" in message:
            message = message.partition("\n")[0]
            message = f"needs more room on the disk than a statement may have; narrow it, or allow more with --spill ({message})"
        elif any(mark in message for mark in _OUT_OF_MEMORY):
            message = _TOO_MUCH.format(message)
        raise QueryError(message)

    def _said(self, status: dict[str, Any]) -> str:
        """What the process said of its error, with a remedy where there is one: it could look for none itself."""
        return explain(QueryError(status.get("error") or ""), self._root)

    def _last_words(self) -> str:
        lines = (
            self._process.stderr.read().decode(errors="replace").strip().splitlines() if self._process.stderr else []
        )
        return f"; {lines[-1]}" if lines else ""

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        while True:
            try:
                batch = self._wait(self._reader.read_next_batch)
            except StopIteration:
                break
            yield batch
        status = json.loads(self._status.read() or "{}")
        if self._exceeded or self._expired:
            self._fail("")
        if not status.get("ok"):
            raise QueryError(self._said(status) or "the statement's process ended before its last row")
        self.layers = list(status["layers"])

    def close(self) -> None:
        """End the statement's process and remove what it left."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr, self._status):
            if stream is not None and not stream.closed:
                try:
                    stream.close()
                except BrokenPipeError:  # a request that the process never read
                    continue
        self._janitor.communicate()

    def __enter__(self) -> "Answer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _source(source: Workspace | Export) -> dict[str, Any]:
    """Say to the statement's process what it opens, and whether all of that is on this machine's disk."""
    if isinstance(source, Export):
        return {"folder": str(source.folder), "view": source.view, "local": True}
    catalog = catalog_of(source)
    must_have_catalog(source, catalog, new=False)
    local = isinstance(catalog, SqliteCatalog) and "://" not in source.data_path
    return {"workspace": str(source.root), "local": local}


def janitor(folder: str) -> "subprocess.Popen[bytes]":
    """Start what removes a folder once the process that started it has ended or closed its standard input."""
    return subprocess.Popen(  # noqa: S603 - our own script; the folder's name is ours
        ["/bin/sh", "-c", _JANITOR, "sh", folder],
        stdin=subprocess.PIPE,
        start_new_session=True,
        env={"PATH": os.defpath},
    )


def closed_environment() -> dict[str, str]:
    """What a closed process needs to start and to find the catalogue; no token of the user's."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith(_CATALOG)}
    paths = [str(Path(__file__).parent.parent.parent), kept.get("PYTHONPATH", "")]
    return {**kept, "PYTHONPATH": os.pathsep.join(path for path in paths if path), "OMP_NUM_THREADS": "1"}
