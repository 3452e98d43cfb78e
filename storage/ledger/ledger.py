"""The ledger: every finished model call of this machine, durable before its answer is used.

One SQLite file in the workspace, shared by the processes of one machine. A call is found by its content key, whichever
night, recipe or shard made it. Who does not find one claims the key first (`storage.ledger.claims`), so that two processes that ask
the same thing make one call. Answers that arrive together are written together (group commit): `record` returns when its
row is on disk. The lake's `calls` table is the published history (`storage.ledger.published`); a row stays marked as unpublished
until the lake has it.
"""

import asyncio
import errno
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import md5
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa

from storage.errors import LakeError
from storage.faults import irregular
from storage.ledger.calls import COLUMNS, LATER_COLUMNS, SCHEMA, SELECT, Call, Spent, of_row, to_row
from storage.ledger.claims import SCHEMA as CLAIMS_SCHEMA
from storage.ledger.writer import Writer, cannot_read, cannot_write, open_file
from storage.modes import close_file

__all__ = ["Added", "Call", "Ledger", "Spent"]

POLL_S = (0.05, 0.5)
"""How often somebody who waits for another process looks whether the answer is there: at first, and after a while."""

RECLAIM_S = 1.0
"""How often such a waiter asks for the claim itself, in case the other process gave up or is gone."""

STANDING_ROWS = 2000
"""Calls per batch of `standing`; bounds memory."""

_LOST_TRIES = "lost_tries"
_META = """
create table if not exists meta (name text primary key, value text not null) without rowid;
create table if not exists gone (key text primary key) without rowid;
"""


@dataclass(frozen=True, slots=True)
class Added:
    """What became of calls that were added from elsewhere.

    Attributes:
        new: Were not known.
        known: Were here already, with the same answer.
        differing: Were here with another answer, which stays.
    """

    new: int
    known: int
    differing: int


class Ledger:
    """The ledger of one workspace; share one instance among all coroutines of a process.

    Args:
        path: The SQLite file, made at first use.

    Raises:
        LakeError: The file cannot be opened or is no ledger.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: dict[str, object] = {}
        self._aside_lock = threading.Lock()
        self._reader_lock = threading.Lock()
        try:
            if irregular(path):
                raise OSError(errno.EINVAL, "no regular file")
            close_file(path)
            self._aside = open_file(path)
            tables = {row[0] for row in self._aside.execute("select name from sqlite_master where type = 'table'")}
            if tables and not tables & {"meta", "calls"}:
                raise sqlite3.DatabaseError(f"file is not a database of calls: it has the table {min(tables)}")
            self._aside.executescript(_META + SCHEMA + CLAIMS_SCHEMA)
            self._add_columns()
            self._aside.execute("insert or ignore into meta values ('id', ?)", (uuid4().hex,))
            self.id = str(self._aside.execute("select value from meta where name = 'id'").fetchone()[0])
            self._reader = open_file(path)
            self._writer = Writer(path)
        except (sqlite3.Error, OSError) as error:
            raise cannot_read(path, error) from error

    def _add_columns(self) -> None:
        """Give the file of an older version the columns of this one; of two processes that do it at once, one is late."""
        for name, kind in LATER_COLUMNS.items():
            columns = {row[1] for row in self._aside.execute("pragma table_info(calls)")}
            if name not in columns:
                try:
                    self._aside.execute(f"alter table calls add column {name} {kind}")
                except sqlite3.OperationalError as error:
                    if "duplicate column" not in str(error):
                        raise

    def find(self, key: str) -> Call | None:
        """Return the recorded call under `key`, or None.

        Raises:
            LakeError: The file is damaged.
        """
        try:
            with self._reader_lock:
                row = self._reader.execute(f"{SELECT} where key = ?", (key,)).fetchone()
            return of_row(row) if row else None
        except (sqlite3.Error, ValueError) as error:
            raise cannot_read(self._path, error) from error

    async def claim(self, key: str) -> Call | None:
        """Find a call, or wait for the right to make it, or for whoever is making it.

        Returns:
            The call, when it is recorded or somebody else has made it meanwhile. None when it is now the caller's to
            make: `record` it, or `release` the key.

        Raises:
            LakeError: The file cannot be written (disk full, say).
        """
        token, pause, ask_at = object(), POLL_S[0], 0.0
        while True:
            if time.monotonic() >= ask_at and self._held.setdefault(key, token) is token:
                granted = False
                try:
                    granted = await self._writer.claim(key)
                finally:
                    if not granted:
                        self._held.pop(key, None)
                if granted:
                    return None
                ask_at = time.monotonic() + RECLAIM_S
            answer = self.find(key)
            if answer is not None:
                return answer
            await asyncio.sleep(pause)
            pause = min(1.5 * pause, POLL_S[1])

    def release(self, key: str) -> None:
        """Give a claimed key up; its call was not made."""
        self._held.pop(key, None)
        self._writer.release(key)

    async def record(self, call: Call) -> Call:
        """Write a call durably; returns after the disk has it. The first answer under a key stays.

        Returns:
            The call that stands under the key: this one, or the one that was there before. Use no other.

        Raises:
            LakeError: The file cannot be written (disk full, say).
        """
        try:
            return await self._writer.record(call)
        finally:
            self._held.pop(call.key, None)

    def add(self, calls: Iterable[Call], *, published: bool) -> Added:
        """Add calls from elsewhere (the lake, a file) as one transaction: all of them, or none.

        Args:
            calls: The calls; an error they raise leaves the ledger as it was.
            published: Whether the lake has them.

        Raises:
            LakeError: The file cannot be written.
        """
        names, now = ", ".join(COLUMNS), datetime.now(UTC).isoformat()
        marks = ", ".join("?" * len(COLUMNS))
        with self._writing() as aside:
            aside.execute("drop table if exists temp.incoming")
            aside.execute(f"create temp table incoming as {SELECT} limit 0")
            aside.execute("begin")
            aside.executemany(f"insert into temp.incoming values ({marks})", (to_row(call, now) for call in calls))
            aside.execute("commit")
            aside.execute("begin immediate")
            differing, present = aside.execute(
                "select coalesce(sum(c.response <> i.response), 0), count(*) from incoming i join calls c using (key)"
            ).fetchone()
            new = aside.execute(
                f"insert into calls ({names}, published) select {names}, ? from incoming "
                "where key not in (select key from gone) on conflict do nothing",
                (int(published),),
            ).rowcount
            aside.execute("commit")
        return Added(new, present - differing, differing)

    def spent(self, night: str) -> Spent:
        """Add up what a night has paid for; tries that were lost (`count_lost_try`) are calls too."""
        calls, *rest = self._select(
            "select count(*), coalesce(sum(prompt_tokens), 0), coalesce(sum(completion_tokens), 0), "
            "coalesce(sum(cost), 0.0) from calls where night = ? and origin = 'made'",
            [night],
        )[0]
        return Spent(calls + int(self.note(f"{_LOST_TRIES}:{night}") or 0), *rest)

    def count_lost_try(self, night: str) -> None:
        """Count a try of a night that brought no answer although a server may charge for it. It need not survive a power cut."""
        with self._aside_lock:
            try:
                self._aside.execute("pragma synchronous=normal")
                self._aside.execute(
                    "insert into meta values (?, '1') on conflict (name) do update set value = value + 1",
                    [f"{_LOST_TRIES}:{night}"],
                )
                self._aside.execute("pragma synchronous=full")
            except sqlite3.Error as error:
                raise cannot_write(self._path, error) from error

    def must_be_whole(self) -> None:
        """Read the whole file and see whether its pages and indexes fit together.

        Raises:
            LakeError: They do not; with the remedy.
        """
        ((first, *_), *_) = self._select("pragma integrity_check(1)")
        if first != "ok":
            raise cannot_read(self._path, ValueError(str(first).replace("\n", " ")))

    def count(self) -> int:
        """Return how many calls are recorded."""
        return int(self._select("select count(*) from calls")[0][0])

    def unpublished(self, limit: int = -1) -> list[Call]:
        """Return calls that the lake is not known to have, at most `limit` of them."""
        rows = self._select(f"{SELECT} where published = 0 order by id limit ?", [limit])
        try:
            return [of_row(row) for row in rows]
        except ValueError as error:
            raise cannot_read(self._path, error) from error

    def standing(self, batch_rows: int = STANDING_ROWS) -> pa.RecordBatchReader:
        """Read what a comparison with the lake needs of every call, in batches: key, origin, published, digest of the answer.

        Read by Python's own SQLite. DuckDB brings another one, and a file that both open in one process loses its locks
        when either closes it: the next process that comes and goes then deletes the log that we go on writing to, and with
        it answers that were on disk (https://www.sqlite.org/howtocorrupt.html, section 2.2.1).
        """
        schema = pa.schema({"key": pa.string(), "origin": pa.string(), "published": pa.bool_(), "answer": pa.string()})

        def batches() -> Iterator[pa.RecordBatch]:
            with closing(open_file(self._path)) as connection:
                rows = connection.execute("select key, origin, published, response from calls order by id")
                while part := rows.fetchmany(batch_rows):
                    keys, origins, published, answers = zip(*part, strict=True)
                    digests = [md5(answer.encode(), usedforsecurity=False).hexdigest() for answer in answers]
                    yield pa.record_batch([keys, origins, map(bool, published), digests], schema=schema)

        return pa.RecordBatchReader.from_batches(schema, batches())

    def mark_published(self, keys: Iterable[str], published: bool = True) -> None:
        """Remember that the lake has these calls, or that it lacks them."""
        with self._writing() as aside:
            aside.execute("begin immediate")
            aside.executemany("update calls set published = ? where key = ?", [(int(published), key) for key in keys])
            aside.execute("commit")

    def take_down(self, keys: Iterable[str]) -> int:
        """Remove calls for good: nobody asks them again (`is_gone`), and no byte of them stays in the file; count them.

        Raises:
            LakeError: The file cannot be written, or another process reads an old state of it and does not end.
        """
        rows = [(key,) for key in keys]
        with self._writing() as aside:
            aside.execute("pragma secure_delete=on")
            aside.execute("begin immediate")
            aside.executemany("insert or ignore into gone values (?)", rows)
            removed = aside.execute("delete from calls where key in (select key from gone)").rowcount
            aside.execute("commit")
            aside.execute("vacuum")
            emptied = aside.execute("pragma wal_checkpoint(truncate)").fetchone()[0] == 0
        if not emptied:
            raise LakeError(
                f"ledger {self._path} is being read by another process; end it and run the same command again"
            )
        return removed

    def is_gone(self, *keys: str) -> bool:
        """Return whether a takedown removed the call under one of these keys."""
        marks = ", ".join("?" * len(keys))
        try:
            with self._reader_lock:
                return self._reader.execute(f"select 1 from gone where key in ({marks})", keys).fetchone() is not None
        except sqlite3.Error as error:
            raise cannot_read(self._path, error) from error

    def note(self, name: str) -> str | None:
        """Return what was noted under a name, for example how far the lake has been read."""
        rows = self._select("select value from meta where name = ?", [name])
        return str(rows[0][0]) if rows else None

    def set_note(self, name: str, value: str) -> None:
        """Note a value under a name."""
        self._select("insert or replace into meta values (?, ?)", [name, value])

    @property
    def path(self) -> Path:
        """The SQLite file."""
        return self._path

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection of everything that is not a night's calls, to one at a time; what was not committed is taken back.

        Raises:
            LakeError: The file cannot be written.
        """
        with self._aside_lock:
            try:
                yield self._aside
            except sqlite3.Error as error:
                raise cannot_write(self._path, error) from error
            finally:
                if self._aside.in_transaction:
                    self._aside.execute("rollback")

    def _select(self, statement: str, parameters: Sequence[object] = ()) -> list[Any]:
        with self._aside_lock:
            try:
                return self._aside.execute(statement, parameters).fetchall()
            except sqlite3.Error as error:
                raise cannot_read(self._path, error) from error

    def close(self) -> None:
        """Write what is queued and close."""
        self._writer.close()
        self._reader.close()
        self._aside.close()

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
