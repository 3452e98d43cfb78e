"""Time travel: the lake as it stood at a commit or a date, decided by `commits`, so that expired snapshots do not matter."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from storage.catalog.duck import quote
from storage.errors import QueryError
from storage.schema import TABLES
from storage.views import VIEWS


def shadow(connection: Any, as_of: str | None) -> None:
    """Put tables and views as they stood at `as_of` in front of the lake's own, for this connection.

    Args:
        connection: DuckDB, with the lake attached as `lake`.
        as_of: A commit number, a date (its end, UTC) or a moment in ISO format; None leaves everything as it is.

    Raises:
        QueryError: `as_of` is none of these, or nothing had been committed by then.
    """
    if as_of is None:
        return
    seq = commit_at(connection, as_of)
    connection.execute("create schema memory.then")
    connection.execute(f"create view memory.then.commits as select * from lake.main.commits where seq <= {seq}")
    for name in TABLES:
        connection.execute(
            f"create view memory.then.{name} as select * from lake.main.{name} "
            f"where commit_id in (select commit_id from lake.main.commits where seq <= {seq})"
        )
    connection.execute("use memory.then")
    for name, (_, query) in VIEWS.items():
        connection.execute(f"create view memory.then.{name} as {query}")


def commit_at(connection: Any, as_of: str) -> int:
    """Return the number of the last commit at or before a number, a date or a moment.

    Raises:
        QueryError: `as_of` cannot be read, nothing had been committed by then, or there is no such commit yet.
    """
    if re.fullmatch(r"\d+", as_of):
        (newest,) = connection.execute("select coalesce(max(seq), 0) from lake.main.commits").fetchone()
        if int(as_of) > newest:
            raise QueryError(f"--as-of {as_of}: there is no such commit yet; the last one is {newest}")
        (last,) = connection.execute("select max(seq) from lake.main.commits where seq <= ?", [int(as_of)]).fetchone()
    else:
        moment = _moment(as_of).isoformat()
        (last,) = connection.execute(
            f"select max(seq) from lake.main.commits where created_at <= '{quote(moment)}'::timestamptz"
        ).fetchone()
    if last is None:
        (first,) = connection.execute("select min(created_at) from lake.main.commits").fetchone()
        raise QueryError(
            f"--as-of {as_of}: nothing had been committed by then; the first commit is of {first or 'never'}"
        )
    return int(last)


def _moment(text: str) -> datetime:
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return datetime.combine(date.fromisoformat(text) + timedelta(days=1), time(), UTC)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise QueryError(
            f"--as-of {text!r}: give a commit number (seq), a date (2026-11-23) or a moment (2026-11-23T04:00)"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
