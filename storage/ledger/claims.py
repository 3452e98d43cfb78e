"""Claims: which process is making which call, so that two processes that ask the same thing make one call.

They stand in the ledger's file. A claim belongs to an owner (one open ledger of one process). It counts for nothing once
its owner is dead (by pid and start time, where both run under the same kernel and pid namespace) or has not renewed its
lease, which is counted by the machine's time since its start: a clock that is set ends no claim and keeps none. Claims need
not survive a power cut: nothing here is synced.
"""

import json
import os
import sqlite3
import time
from collections.abc import Sequence
from uuid import uuid4

from storage.processes import boot_of, pid_space, started

LEASE_S = 60.0
"""How long an owner that cannot be looked at (stopped, or in another container) keeps its claims after its last renewal."""

RENEW_S = 15.0
"""How often an owner renews its lease."""

SCHEMA = """
create table if not exists owners (
    owner text primary key, place text not null, pid integer not null, started text not null, lease real not null
) without rowid;
create table if not exists claims (key text primary key, owner text not null) without rowid;
create trigger if not exists calls_end_claims after insert on calls begin delete from claims where key = new.key; end;
"""

_NEW = "select json_group_array(value) from json_each(?1) where not exists (select 1 from calls where key = value)"
_TAKE = """
insert into claims (key, owner) select value, ?1 from json_each(?2)
where not exists (select 1 from calls where key = value) on conflict (key) do nothing
"""
_MINE = "select json_group_array(key) from claims where owner = ?1 and key in (select value from json_each(?2))"
_OTHERS = """
select distinct c.owner, o.place, o.pid, o.started, o.lease from claims c left join owners o using (owner)
where c.owner <> ?1 and c.key in (select value from json_each(?2))
"""


class Claims:
    """The claims of one owner; used by one thread.

    Args:
        connection: The ledger's file, in autocommit mode.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._owner = uuid4().hex
        self._pid_space = pid_space()
        self._renewed: float | None = None

    def renew(self, *, first: bool = False) -> None:
        """Renew the lease when it is time; an owner that has never claimed anything has none."""
        now = time.monotonic()
        if (self._renewed is None and not first) or (self._renewed is not None and 0 <= now - self._renewed < RENEW_S):
            return
        row = (self._owner, self._pid_space, os.getpid(), started(os.getpid()), now + LEASE_S)
        self._connection.execute("insert or replace into owners values (?, ?, ?, ?, ?)", row)
        self._renewed = now

    def take(self, keys: Sequence[str]) -> set[str]:
        """Claim keys and return those that are now ours; the others are recorded, or claimed by somebody alive.

        Where all are recorded nothing is written, so they are found while somebody else writes, or on a full disk.
        """
        text = self._connection.execute(_NEW, (json.dumps(keys),)).fetchone()[0]
        if text == "[]":
            return set()
        self.renew(first=True)
        self._connection.execute(_TAKE, (self._owner, text))
        mine = self._mine(text)
        if len(mine) < len(json.loads(text)) and self._end_lost(text):
            self._connection.execute(_TAKE, (self._owner, text))
            mine = self._mine(text)
        return mine

    def drop(self, keys: Sequence[str]) -> None:
        """Give claims up, so that whoever waits for them may make the calls."""
        self._connection.execute(
            "delete from claims where owner = ? and key in (select value from json_each(?))",
            (self._owner, json.dumps(keys)),
        )

    def end(self) -> None:
        """Give every claim up and forget the owner."""
        if self._renewed is not None:
            self._connection.execute("delete from claims where owner = ?", (self._owner,))
            self._connection.execute("delete from owners where owner = ?", (self._owner,))

    def _mine(self, text: str) -> set[str]:
        return set(json.loads(self._connection.execute(_MINE, (self._owner, text)).fetchone()[0]))

    def _end_lost(self, text: str) -> bool:
        """End the claims of owners that are lost, among those who hold some of these keys; True when there were any."""
        others = self._connection.execute(_OTHERS, (self._owner, text)).fetchall()
        lost = [(owner,) for owner, *holder in others if self._is_lost(*holder)]
        self._connection.executemany("delete from claims where owner = ?", lost)
        self._connection.executemany("delete from owners where owner = ?", lost)
        return bool(lost)

    def _is_lost(self, where: str | None, pid: int, start: str, lease: float | None) -> bool:
        """Whether an owner is dead, of another run of this machine, or has not renewed its lease."""
        if where is None or lease is None or (where == self._pid_space and started(pid) != start):
            return True
        boots = {boot_of(where), boot_of(self._pid_space)} - {None}
        if len(boots) > 1:
            return True
        return not 0 <= lease - time.monotonic() <= LEASE_S
