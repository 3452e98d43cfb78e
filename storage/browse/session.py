"""A process closed to the host that holds the rows of a lake ready, as they stood when it was opened, and answers many questions.

It is closed as the process of `nightschool sql` is (`storage.sql.sandbox`): no file but the lake's, no network, bounded memory. A
condition is inspected there before it runs, and given up after `timeout` seconds. A process that died is started again.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import psutil
import pyarrow as pa

from storage.catalog.catalog import SqliteCatalog, catalog_of
from storage.catalog.presence import must_have_catalog
from storage.errors import LakeError, QueryError
from storage.faults import explain
from storage.sql.run import SPILL, closed_environment, janitor
from storage.workspace import Workspace

MEMORY = 3 << 30
"""Bytes that the process may hold."""
TIMEOUT_S = 20.0
"""Seconds that one question may take; afterwards the person has the next one."""
_GRACE_S = 5.0
_LOOK_S = 0.2

Statement = tuple[str, dict[str, Any]]
"""A trusted statement with its parameters, by name."""


class Session:
    """A closed process with the lake open.

    Args:
        workspace: Whose lake.
        prepare: Trusted statements that it runs once, before the first question.
        timeout: Seconds that a question may take.

    Raises:
        WorkspaceError: The workspace has no lake yet.
        LakeError: The lake cannot be opened or prepared.
    """

    def __init__(self, workspace: Workspace, prepare: Sequence[str], *, timeout: float = TIMEOUT_S) -> None:
        self._workspace, self._prepare, self._timeout = workspace, list(prepare), timeout
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self.layers: list[str] = []
        with self._lock:
            self._open()

    def ask(self, statements: Sequence[Statement], condition: str | None = None) -> list[pa.Table]:
        """Run statements one after another and return the rows of each.

        Args:
            statements: Trusted text, into which nothing of anybody's was put but `condition`.
            condition: What somebody wrote into them, which is inspected first.

        Raises:
            QueryError: The condition is more than a condition, cannot be used, or takes too long.
            LakeError: The process died and could not be started again.
        """
        request = {"statements": list(statements), "condition": condition, "timeout": self._timeout}
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._open()
            try:
                self._requests.write(json.dumps(request) + "\n")
                self._requests.flush()
                header = self._header(self._timeout + _GRACE_S)
                parts = [self._read(size) for size in header["sizes"]]
            except (OSError, EOFError, ValueError):
                self._end()
                raise QueryError(
                    "the process that holds the rows ended: the question took too much memory or time; narrow it"
                ) from None
        if not header["ok"]:
            raise QueryError(explain(QueryError(header["error"]), self._workspace.root))
        return [pa.ipc.open_stream(part).read_all() for part in parts]

    def close(self) -> None:
        """End the process and remove what it left."""
        with self._lock:
            self._end()

    def _open(self) -> None:
        self._end()
        catalog = catalog_of(self._workspace)
        must_have_catalog(self._workspace, catalog, new=False)
        scratch = tempfile.mkdtemp(prefix="nightschool-browse-")
        self._janitor = janitor(scratch)
        read, write = os.pipe()
        self._process = subprocess.Popen(  # noqa: S603 - our own module; what people write travels as data
            [sys.executable, "-m", "storage.browse.closed", str(read)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, pass_fds=[read],
            env=closed_environment(), start_new_session=True,
        )  # fmt: skip
        os.close(read)
        self._requests = os.fdopen(write, "w", encoding="utf-8")
        threading.Thread(target=_watch, args=(self._process,), name="memory", daemon=True).start()
        opening = {
            "workspace": str(self._workspace.root), "as_of": None, "memory": MEMORY, "prepare": self._prepare,
            "local": isinstance(catalog, SqliteCatalog) and "://" not in self._workspace.data_path, "scratch": scratch,
            "spill": min(SPILL, shutil.disk_usage(scratch).free // 2), "cpu_s": 10**8,
        }  # fmt: skip
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(opening).encode() + b"\n")
            self._process.stdin.flush()
            header = self._header(None)
        except (OSError, EOFError, ValueError) as error:
            self._end()
            raise LakeError(f"the process that holds the rows did not start ({error})") from None
        if not header["ok"]:
            self._end()
            raise LakeError(header["error"])
        self.layers = list(header["layers"])

    def _header(self, seconds: float | None) -> dict[str, Any]:
        """Read the line before an answer; when the time is up, the process is killed."""
        process = self._process
        assert process is not None and process.stdout is not None
        timer = threading.Timer(seconds, process.kill) if seconds is not None else None
        if timer is not None:
            timer.daemon = True
            timer.start()
        try:
            line = process.stdout.readline()
        finally:
            if timer is not None:
                timer.cancel()
        if not line:
            raise EOFError("it ended without a word")
        return dict(json.loads(line))

    def _read(self, size: int) -> bytes:
        assert self._process is not None and self._process.stdout is not None
        data = self._process.stdout.read(size)
        if len(data) < size:
            raise EOFError("it ended in the middle of an answer")
        return data

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, self._requests):
            with suppress(OSError):
                if stream is not None:
                    stream.close()
        self._janitor.communicate()


def _watch(process: "subprocess.Popen[bytes]") -> None:
    """Kill the process when it holds more memory than it may."""
    with suppress(psutil.Error):
        seen = psutil.Process(process.pid)
        while process.poll() is None:
            if seen.memory_info().rss > MEMORY:
                process.kill()
            time.sleep(_LOOK_S)
