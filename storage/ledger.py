"""The ledger: every finished model call of this machine, durable before its answer is used.

One SQLite file in the workspace. A call is found by its content key. Answers that arrive together are written
together (group commit): `record` returns when its row is on disk, at most one window later. The lake's `calls` table is the
published history; a row stays marked as unpublished until the lake has it.

Not covered yet: two processes that ask the same thing at the same time both make the call (the second row is ignored).
"""

import asyncio
import json
import queue
import sqlite3
import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from storage.errors import LakeError
from storage.lake import Lake, table_of

GROUP_COMMIT_S = 0.02
"""How long the writer waits for more answers before it syncs. Contract: at most 50 ms."""

_SCHEMA = """
create table if not exists calls (
    key text primary key, model text not null, role text not null, act text not null, messages text not null,
    sampling text not null, sample text not null, response text not null, finish_reason text not null,
    prompt_tokens integer not null, completion_tokens integer not null, origin text not null, night text,
    created_at text not null, published integer not null default 0
) without rowid;
create index if not exists calls_unpublished on calls (published) where published = 0;
create index if not exists calls_night on calls (night);
"""
_COLUMNS = (
    "key", "model", "role", "act", "messages", "sampling", "sample", "response", "finish_reason",
    "prompt_tokens", "completion_tokens", "origin", "night", "created_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Call:
    """One finished model call.

    Attributes:
        key: Content key.
        model: Identity of the model.
        role: Role it was asked in.
        act: What was asked.
        messages: The rendered chat.
        sampling: Sampling parameters.
        sample: Explicit sample number.
        response: The completion.
        finish_reason: `stop` or `length`.
        prompt_tokens: Tokens read.
        completion_tokens: Tokens written.
        night: Night that paid for it.
        origin: `made`, or `imported`.
    """

    key: str
    model: str
    role: str
    act: str
    messages: tuple[dict[str, str], ...]
    sampling: dict[str, object]
    sample: str
    response: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    night: str | None = None
    origin: str = "made"


@dataclass(frozen=True, slots=True)
class Spent:
    """What a night has paid for.

    Attributes:
        calls: Model calls made.
        prompt_tokens: Tokens read.
        completion_tokens: Tokens written.
    """

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Ledger:
    """The ledger of one workspace; share one instance among all coroutines of a process.

    Args:
        path: The SQLite file, made at first use.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader = self._open()
        self._reader.executescript(_SCHEMA)
        self._reading = threading.Lock()
        self._queue: queue.SimpleQueue[tuple[Call, Future[None]] | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write, name="ledger", daemon=True)
        self._writer.start()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=30, check_same_thread=False, isolation_level=None)
        connection.execute("pragma journal_mode=wal")
        connection.execute("pragma synchronous=full")
        return connection

    def find(self, key: str) -> Call | None:
        """Return the recorded call under `key`, or None."""
        with self._reading:
            row = self._reader.execute(f"select {', '.join(_COLUMNS)} from calls where key = ?", [key]).fetchone()
        return _call(row) if row else None

    async def record(self, call: Call) -> None:
        """Write a call durably; returns after the disk has it. The first answer under a key stays.

        Raises:
            LakeError: The file cannot be written (disk full, say).
        """
        written: Future[None] = Future()
        self._queue.put((call, written))
        await asyncio.wrap_future(written)

    def _write(self) -> None:
        connection = self._open()
        marks = ", ".join("?" * len(_COLUMNS))
        statement = f"insert or ignore into calls ({', '.join(_COLUMNS)}) values ({marks})"
        while (first := self._queue.get()) is not None:
            batch, ending = [first], False
            time.sleep(GROUP_COMMIT_S)
            while not self._queue.empty():
                item = self._queue.get()
                if item is None:
                    ending = True
                    break
                batch.append(item)
            try:
                connection.execute("begin immediate")
                connection.executemany(statement, [_row(call) for call, _ in batch])
                connection.execute("commit")
            except sqlite3.Error as error:
                if connection.in_transaction:
                    connection.execute("rollback")
                for _, written in batch:
                    written.set_exception(LakeError(f"ledger {self._path} cannot be written: {error}"))
            else:
                for _, written in batch:
                    written.set_result(None)
            if ending:
                break
        connection.close()

    def spent(self, night: str) -> Spent:
        """Add up what a night has paid for."""
        with self._reading:
            row = self._reader.execute(
                "select count(*), coalesce(sum(prompt_tokens), 0), coalesce(sum(completion_tokens), 0) "
                "from calls where night = ? and origin = 'made'",
                [night],
            ).fetchone()
        return Spent(*row)

    def count(self) -> int:
        """Return how many calls are recorded."""
        with self._reading:
            return int(self._reader.execute("select count(*) from calls").fetchone()[0])

    def unpublished(self) -> list[Call]:
        """Return the calls that the lake is not known to have."""
        with self._reading:
            rows = self._reader.execute(
                f"select {', '.join(_COLUMNS)} from calls where published = 0 order by key"
            ).fetchall()
        return [_call(row) for row in rows]

    def mark_published(self, keys: Iterable[str]) -> None:
        """Remember that the lake has these calls."""
        with self._reading:
            self._reader.execute("begin immediate")
            self._reader.executemany("update calls set published = 1 where key = ?", [(key,) for key in keys])
            self._reader.execute("commit")

    def close(self) -> None:
        """Write what is queued and close."""
        self._queue.put(None)
        self._writer.join()
        self._reader.close()

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def publish(ledger: Ledger, lake: Lake, night: str | None = None) -> int:
    """Bring the ledger's unpublished calls into the lake's `calls`, each once, and return how many were new there.

    A crash between the lake's commit and the ledger's mark is harmless: what the lake already has is only marked.
    """
    with lake.workspace.lock("publish"):
        calls = ledger.unpublished()
        if not calls:
            return 0
        keys = [call.key for call in calls]
        known = {
            row["call_id"]
            for row in lake.rows("select call_id from calls where call_id in (select unnest(?::varchar[]))", [keys])
        }
        fresh = [call for call in calls if call.key not in known]
        if fresh:
            lake.commit(
                f"calls:{fresh[0].key}:{fresh[-1].key}:{len(fresh)}", "calls", {"calls": _table(fresh)}, night=night
            )
        ledger.mark_published(keys)
        return len(fresh)


def _table(calls: list[Call]) -> pa.Table:
    now = datetime.now(UTC)
    return table_of(
        "calls",
        [
            {
                "call_id": call.key, "model": call.model, "role": call.role, "act": call.act,
                "messages": list(call.messages), "sampling": json.dumps(call.sampling, sort_keys=True),
                "sample": call.sample, "response": call.response, "finish_reason": call.finish_reason,
                "prompt_tokens": call.prompt_tokens, "completion_tokens": call.completion_tokens,
                "origin": call.origin, "night": call.night, "created_at": now,
            }
            for call in calls
        ],
    )  # fmt: skip


def _row(call: Call) -> tuple[object, ...]:
    return (
        call.key, call.model, call.role, call.act, json.dumps(call.messages), json.dumps(call.sampling, sort_keys=True),
        call.sample, call.response, call.finish_reason, call.prompt_tokens, call.completion_tokens, call.origin,
        call.night, datetime.now(UTC).isoformat(),
    )  # fmt: skip


def _call(row: tuple[object, ...]) -> Call:
    values = dict(zip(_COLUMNS, row, strict=True))
    return Call(
        key=str(values["key"]),
        model=str(values["model"]),
        role=str(values["role"]),
        act=str(values["act"]),
        messages=tuple(json.loads(str(values["messages"]))),
        sampling=json.loads(str(values["sampling"])),
        sample=str(values["sample"]),
        response=str(values["response"]),
        finish_reason=str(values["finish_reason"]),
        prompt_tokens=int(str(values["prompt_tokens"])),
        completion_tokens=int(str(values["completion_tokens"])),
        night=None if values["night"] is None else str(values["night"]),
        origin=str(values["origin"]),
    )
