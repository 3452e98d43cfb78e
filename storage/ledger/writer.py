"""The ledger's writer: one thread that writes what many coroutines hand it, in batches.

Each batch is one statement, which is one transaction: a busy event loop hands the interpreter over a few times per batch, not
per row. What comes is written at once, so that next to nothing is lost to a kill; whoever recorded it is told once it is
synced to the disk as well (`syncer.py`), and so is who finds it there. Claims need no sync.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from storage.errors import LakeError
from storage.faults import explain, irregular, is_damage
from storage.ledger.calls import SELECT, Call, insertion, of_row, to_row
from storage.ledger.claims import RENEW_S, Claims
from storage.ledger.syncer import Syncer

LARGEST_BATCH = 128
"""Calls per statement."""

_STATEMENTS = 32
"""Prepared statements kept: SQLite keeps the values they were last given, so these bound memory."""


@dataclass(slots=True)
class _Order:
    """Work for the writer: a call to record, a key to claim (`call` is None) or to give up (`waiter` is None)."""

    key: str
    call: Call | None = None
    waiter: asyncio.Future[Any] | None = None


@dataclass(slots=True)
class _Outcome:
    """Orders that were carried out together, with the result of each."""

    orders: list[_Order]
    results: list[Any]


class Writer:
    """The thread that writes a ledger.

    Args:
        path: The SQLite file, with its tables.

    Raises:
        sqlite3.Error: The file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._queue: queue.SimpleQueue[list[_Order] | None] = queue.SimpleQueue()
        self._wanted: dict[asyncio.AbstractEventLoop, list[_Order]] = {}
        file = open_file(path)
        self._syncer: Syncer[_Outcome] = Syncer(file, path, self._synced)
        self._thread = threading.Thread(target=self._write, args=(file,), name="ledger", daemon=True)
        self._thread.start()

    async def claim(self, key: str) -> bool:
        """Claim a key; False when it is recorded, or claimed by somebody alive.

        Raises:
            LakeError: The file cannot be written.
        """
        return bool(await self._hand(key, None))

    async def record(self, call: Call) -> Call:
        """Write a call durably and return the one that stands under its key.

        Raises:
            LakeError: The file cannot be written.
        """
        recorded: Call = await self._hand(call.key, call)
        return recorded

    def release(self, key: str) -> None:
        """Give a claim up, soon."""
        self._queue.put([_Order(key)])

    def close(self) -> None:
        """Write what is queued, give every claim up and end the thread."""
        for loop in list(self._wanted):
            self._want(loop)
        self._queue.put(None)
        self._thread.join()

    def _hand(self, key: str, call: Call | None) -> asyncio.Future[Any]:
        """Hand an order over; what one turn of the loop orders goes together, so that it wakes the writer once."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Any] = loop.create_future()
        wanted = self._wanted.get(loop)
        if wanted is None:
            wanted = self._wanted[loop] = []
            loop.call_soon(self._want, loop)
        wanted.append(_Order(key, call, waiter))
        return waiter

    def _want(self, loop: asyncio.AbstractEventLoop) -> None:
        self._queue.put(self._wanted.pop(loop, []))

    def _write(self, file: sqlite3.Connection) -> None:
        """Run the writer's thread, on one connection: a second one would have to read again what the first has written."""
        claims, ending = Claims(file), False
        while not ending:
            orders, ending = self._gather()
            records = [order for order in orders if order.call is not None]
            for start in range(0, len(records), LARGEST_BATCH):
                self._settle(records[start : start + LARGEST_BATCH], lambda part: self._insert(file, part))
            self._settle([order for order in orders if order.call is None], lambda part: self._claim(claims, part))
        self._syncer.close()
        with suppress(sqlite3.Error):  # a full disk, say; that the owner is closed is as good
            claims.end()
        file.close()

    def _gather(self) -> tuple[list[_Order], bool]:
        """Wait for work and take all there is."""
        orders: list[_Order] = []
        try:
            more = self._queue.get(timeout=RENEW_S)
            while more is not None:
                orders += more
                more = self._queue.get_nowait()
            return orders, True
        except queue.Empty:
            return orders, False

    def _settle(self, orders: list[_Order], work: Callable[[list[_Order]], list[Any]]) -> None:
        """Do one batch of work and tell each waiter its result, or why there is none."""
        try:
            results = work(orders)
        except Exception as error:  # whatever it is, nobody may be left waiting
            if len(orders) > 1 and not isinstance(error, sqlite3.OperationalError):
                for order in orders:  # one bad row must not take its neighbours along
                    self._settle([order], work)
                return
            self._deliver(orders, [cannot_write(self._path, error)] * len(orders))
            return
        granted = [order for order, result in zip(orders, results, strict=True) if result is True]
        self._deliver(granted, [True] * len(granted))
        rest = [
            (order, result)
            for order, result in zip(orders, results, strict=True)
            if result is not True and order.waiter is not None
        ]
        if rest:  # recorded, or to be found: used once it is synced
            self._syncer.hand(_Outcome([order for order, _ in rest], [result for _, result in rest]))

    def _synced(self, outcomes: list[_Outcome], error: OSError | None) -> None:
        """Deliver what is on disk now, or why it is not."""
        for outcome in outcomes:
            failed = None if error is None else [cannot_write(self._path, error)] * len(outcome.orders)
            self._deliver(outcome.orders, failed or outcome.results)

    def _deliver(self, orders: list[_Order], results: list[Any]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[_Order, Any]]] = {}
        for order, result in zip(orders, results, strict=True):
            if order.waiter is not None:
                by_loop.setdefault(order.waiter.get_loop(), []).append((order, result))
        for loop, settled in by_loop.items():
            try:
                loop.call_soon_threadsafe(self._tell, settled)
            except RuntimeError:  # the loop is closed: nobody waits any more
                continue

    def _tell(self, settled: list[tuple[_Order, Any]]) -> None:
        for order, result in settled:
            assert order.waiter is not None
            if order.waiter.cancelled():
                if result is True:
                    self.release(order.key)
            elif isinstance(result, Exception):
                order.waiter.set_exception(result)
            else:
                order.waiter.set_result(result)

    def _insert(self, file: sqlite3.Connection, orders: list[_Order]) -> list[Any]:
        """Insert calls by one statement, which is one transaction, and return those that stand under their keys."""
        now = datetime.now(UTC).isoformat()
        calls = [order.call for order in orders if order.call is not None]
        values = [value for call in calls for value in to_row(call, now)]
        if file.execute(insertion(len(calls)), values).rowcount == len(calls):
            return list(calls)
        return [of_row(file.execute(f"{SELECT} where key = ?", (call.key,)).fetchone()) for call in calls]

    def _claim(self, claims: Claims, orders: list[_Order]) -> list[bool]:
        dropped = [order.key for order in orders if order.waiter is None]
        if dropped:
            claims.drop(dropped)
        wanted = [order.key for order in orders if order.waiter is not None]
        mine = claims.take(wanted) if wanted else set()
        claims.renew()
        return [order.waiter is not None and order.key in mine for order in orders]


def open_file(path: Path) -> sqlite3.Connection:
    """Connect to a ledger's file in autocommit mode."""
    connection = sqlite3.connect(
        path, timeout=30, check_same_thread=False, isolation_level=None, cached_statements=_STATEMENTS
    )
    connection.execute("pragma journal_mode=wal")
    connection.execute("pragma synchronous=full")
    return connection


def cannot_write(path: Path, error: Exception) -> LakeError:
    """Make the error for a ledger that cannot be written (disk full, say)."""
    if is_damage(error):
        return cannot_read(path, error)
    return LakeError(
        f"ledger {path} cannot be written: {error}. No answer was used that is not in it; "
        "free some space (or see to the disk) and run the same command again."
    )


def cannot_read(path: Path, error: Exception) -> LakeError:
    """Make the error for a ledger that cannot be opened or read."""
    kind = irregular(path)
    if kind is None and not is_damage(error) and isinstance(error, sqlite3.Error | OSError):
        return LakeError(f"ledger {path} cannot be read: {explain(error, path.parent)}")
    what = f"it is {kind}" if kind else error
    return LakeError(
        f"ledger {path} is damaged ({what}); move it away (mv {path} {path}.damaged, likewise {path.name}-wal and "
        f"{path.name}-shm): the lake has the published calls and the next night takes them from there, only answers that were "
        "not published yet are asked again"
    )
