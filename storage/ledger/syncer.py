"""Syncs the ledger's log to the disk beside the writer, and only then lets it tell who waits.

What is written stands in SQLite's log at once, where `kill -9` of the process cannot take it any more; until the log is synced
a power cut can, so nobody uses it before. While one sync runs the writer goes on, and the next sync is for all that it wrote.
"""

import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

GATHER_S = 0.0005
"""Pause after a sync, per result it was for: the busier, the more gather for the next one."""

LONGEST_GATHER_S = 0.005
"""Longest such pause. With the disk's own time the contract is at most 50 ms."""

Written = TypeVar("Written")


class Syncer(Generic[Written]):
    """A thread that syncs a ledger's log.

    Args:
        file: The writer's connection to the ledger. Where it keeps a log (WAL), its commits are no longer synced by
            SQLite itself; elsewhere (a file system without shared memory) they are, and there is nothing to do here.
        path: The SQLite file.
        tell: Called with what was handed over once it is on disk, and with the error when it could not be synced.

    Raises:
        OSError: The log cannot be opened.
    """

    def __init__(
        self, file: sqlite3.Connection, path: Path, tell: Callable[[list[Written], OSError | None], None]
    ) -> None:
        self._tell = tell
        self._queue: queue.SimpleQueue[Written | None] = queue.SimpleQueue()
        self._log: int | None = None
        if file.execute("pragma journal_mode").fetchone()[0] == "wal":
            file.execute("select count(*) from sqlite_schema").fetchone()  # makes the log where there is none yet
            self._log = os.open(f"{path}-wal", os.O_RDONLY | os.O_CLOEXEC)
            _sync_folder(path.parent)
            file.execute("pragma synchronous=normal")
        self._thread = threading.Thread(target=self._run, name="ledger-sync", daemon=True)
        self._thread.start()

    def hand(self, written: Written) -> None:
        """Have something told once all that was written before is on disk."""
        self._queue.put(written)

    def close(self) -> None:
        """Sync and tell what was handed over, and end the thread."""
        self._queue.put(None)
        self._thread.join()
        if self._log is not None:
            os.close(self._log)

    def _run(self) -> None:
        not_before, ending = 0.0, False
        while not ending:
            batch = [self._queue.get()]
            time.sleep(max(0.0, not_before - time.monotonic()))
            while not self._queue.empty():
                batch.append(self._queue.get())
            ending = batch[-1] is None
            written = [item for item in batch if item is not None]
            if written:
                self._tell(written, self._sync())
            not_before = time.monotonic() + min(LONGEST_GATHER_S, GATHER_S * len(written))

    def _sync(self) -> OSError | None:
        try:
            if self._log is not None:
                getattr(os, "fdatasync", os.fsync)(self._log)  # macOS has no fdatasync
        except OSError as error:
            return error
        return None


def _sync_folder(folder: Path) -> None:
    """Have the name of a file that may be new on disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
