"""Leases: who may do what only one may do at a time (train, promote, maintain), on one machine or on many.

A lease expires unless it is renewed, and is taken over at once when its holder is dead (seen by pid and start time, on the
same machine). Each time it changes hands its fencing token grows: work that outlived its lease is refused when it presents
the old one. Leases stand beside the catalogue, not in DuckLake, where each renewal would be a snapshot. With the catalogue of
one machine they are counted by its time since its start, with PostgreSQL by the server's clock: no other clock matters.
Source: M. Kleppmann, "How to do distributed locking" (2016), for the fencing token.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any
from uuid import uuid4

from storage.catalog.catalog import Catalog, Execute
from storage.errors import LeaseError, NightschoolError
from storage.processes import boot_of, pid_space, started

LEASE_S = 60.0
"""How long a holder that cannot be looked at (another machine, a stopped process) keeps its lease after a renewal."""

LONGEST_S = 7 * 86_400.0
"""What says that it lasts longer is none of ours: it was written by a clock that was wrong, or by a version that used another."""

_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class Holder:
    """A lease as it stands.

    Attributes:
        name: What is leased.
        token: Fencing token of the last time it changed hands.
        purpose: What the holder said it was for.
        place: Machine (its boot and pid namespace) of the holder.
        pid: Its process there.
        expires: When it ends unless renewed, seconds since the epoch by this machine's clock.
        alive: Whether it holds: neither expired nor, as far as can be seen from here, dead or of an earlier start of the machine.
    """

    name: str
    token: int
    purpose: str
    place: str
    pid: int
    expires: float
    alive: bool

    def to_json(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return asdict(self)


class Lease:
    """A lease that this process holds; a context manager that renews it in the background and gives it back.

    Args:
        catalog: Where it stands.
        name: What is leased.
        token: Its fencing token.
        holder: Identity of this holding.
        ttl_s: Seconds it lasts after a renewal.
    """

    def __init__(self, catalog: Catalog, name: str, token: int, holder: str, ttl_s: float) -> None:
        self.name = name
        self.token = token
        self._catalog = catalog
        self._holder = holder
        self._ttl_s = ttl_s
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def renew(self) -> None:
        """Make it last `ttl_s` from now on, if nobody has taken it over; an expired one that nobody wanted is still ours.

        Raises:
            LeaseError: Somebody else has it.
        """
        with self._catalog.transaction() as execute:
            self._verify(execute)
            execute(
                "update nightschool_leases set expires = ? where name = ?",
                [self._catalog.lease_clock(execute) + self._ttl_s, self.name],
            )

    def check(self) -> None:
        """Make sure that the token is the last one.

        Raises:
            LeaseError: Somebody else has the lease; whatever was about to be done must not be.
        """
        with self.guard():
            return

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Make sure of the token and let nobody take the lease over while the body runs; keep it short.

        Raises:
            LeaseError: Somebody else has the lease.
        """
        with self._catalog.transaction() as execute:
            self._verify(execute)
            yield

    def release(self) -> None:
        """Give it back; harmless when it is lost already."""
        self._ended.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        with self._catalog.transaction() as execute:
            execute(
                "update nightschool_leases set holder = null where name = ? and token = ? and holder = ?",
                [self.name, self.token, self._holder],
            )

    def _verify(self, execute: Execute) -> None:
        rows = execute("select token, holder, purpose from nightschool_leases where name = ?", [self.name])
        if not rows or (rows[0][0], rows[0][1]) != (self.token, self._holder):
            now = f"token {rows[0][0]} was given out since, for {rows[0][2] or 'work'}" if rows else "it is gone"
            raise LeaseError(
                f"lease {self.name} is lost (token {self.token}): {now}; nothing was written, run it again"
            )

    def _keep(self) -> None:
        while not self._ended.wait(self._ttl_s / 3):
            try:
                self.renew()
            except LeaseError:
                return  # whoever uses it meets the same in `check`
            except NightschoolError:
                continue  # the catalogue is away for a moment; the next renewal may be in time

    def __enter__(self) -> "Lease":
        self._thread = threading.Thread(target=self._keep, name=f"lease {self.name}", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def acquire(catalog: Catalog, name: str, *, purpose: str = "", ttl_s: float = LEASE_S, wait_s: float = 0.0) -> Lease:
    """Take a lease that is free, expired, or held by a dead process of this machine.

    Args:
        catalog: The lake's catalogue (`Lake.catalog`).
        name: What is leased: `training`, `maintenance`, ...
        purpose: For people who ask who holds it.
        ttl_s: Seconds it lasts after a renewal.
        wait_s: How long to wait for a holder that is alive.

    Returns:
        The lease. Use it as a context manager, or renew and release it yourself.

    Raises:
        LeaseError: Somebody alive holds it.
    """
    until = time.monotonic() + wait_s
    while True:
        taken = _take(catalog, name, purpose, ttl_s)
        if isinstance(taken, Lease):
            return taken
        if time.monotonic() >= until:
            where = "here" if taken.place == pid_space() else "on another machine"
            raise LeaseError(
                f"lease {name} is held by process {taken.pid} {where} for {taken.purpose or 'its work'}, until "
                f"{time.strftime('%H:%M:%S', time.gmtime(taken.expires))} UTC unless renewed; wait for it to end"
            )
        time.sleep(min(_POLL_S, max(0.0, until - time.monotonic())))


@contextmanager
def in_turn(
    catalog: Catalog, name: str, *, purpose: str, wait_s: float, say: Callable[[str], None] = lambda sentence: None
) -> Iterator[Lease]:
    """Hold a lease for as long as the body runs, after whoever has it now, on whatever machine.

    A holder that is dead is not waited for, nor one that has stopped renewing.

    Args:
        catalog: The lake's catalogue (`Lake.catalog`).
        name: What is leased.
        purpose: For people who ask who holds it.
        wait_s: How long to wait for a holder that is alive.
        say: Told once, when there is somebody to wait for.

    Raises:
        LeaseError: Somebody alive held it all the time.
    """
    until, announced = time.monotonic() + wait_s, False
    while True:
        try:
            lease = acquire(catalog, name, purpose=purpose, wait_s=min(1.0, wait_s))
            break
        except LeaseError as error:
            if time.monotonic() >= until:
                raise
            if not announced:
                say(f"waiting: {error}")
            announced = True
    with lease:
        yield lease


def _take(catalog: Catalog, name: str, purpose: str, ttl_s: float) -> Lease | Holder:
    holder = uuid4().hex
    with catalog.transaction() as execute:
        held = [lease for lease in _all(catalog, execute, name) if lease.alive]
        if held:
            return held[0]
        row = [holder, pid_space(), os.getpid(), started(os.getpid()), catalog.lease_clock(execute) + ttl_s, purpose]
        ((token,),) = execute(
            "insert into nightschool_leases (name, token, holder, place, pid, started, expires, purpose) "
            "values (?, 1, ?, ?, ?, ?, ?, ?) on conflict (name) do update set token = nightschool_leases.token + 1, "
            "holder = excluded.holder, place = excluded.place, pid = excluded.pid, started = excluded.started, "
            "expires = excluded.expires, purpose = excluded.purpose returning token",
            [name, *row],
        )
    return Lease(catalog, name, int(token), holder, ttl_s)


def list_leases(catalog: Catalog) -> list[Holder]:
    """Return the leases that somebody has, those of the dead and the expired among them, by name."""
    with catalog.transaction() as execute:
        return _all(catalog, execute)


def _all(catalog: Catalog, execute: Execute, name: str | None = None) -> list[Holder]:
    rows = execute(
        "select name, token, purpose, place, pid, expires, started from nightschool_leases where holder is not null "
        "order by name"
    )
    now, wall = catalog.lease_clock(execute), time.time()
    try:
        return [
            Holder(
                leased, token, purpose, place, pid, wall + ends - now, _is_alive(catalog, ends - now, place, pid, start)
            )
            for leased, token, purpose, place, pid, ends, start in rows
            if name in (None, leased)
        ]
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise catalog.damaged(f"nightschool_leases: {error}") from error


def _is_alive(catalog: Catalog, left_s: float, place: str, pid: int, start: str | None) -> bool:
    """Whether a holder with so many seconds left still holds: not when it is dead, or gone with an earlier start of the machine."""
    here = pid_space()
    if not 0 < left_s <= LONGEST_S or (place == here and started(pid) != start):
        return False
    return not catalog.one_machine or len({boot_of(place), boot_of(here)} - {None}) < 2
