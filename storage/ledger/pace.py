"""How far a night has come, by the ledger: read beside whoever writes, without waiting for them."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Pace:
    """Calls of a night so far.

    Attributes:
        calls: How many are finished.
        tokens: Tokens written in them.
        last: When the last was recorded, as the ledger has it; None before the first.
    """

    calls: int = 0
    tokens: int = 0
    last: str | None = None


def pace(path: Path, night: str) -> Pace:
    """Return what a ledger has of a night; nothing where there is no ledger, or it is busy."""
    if not path.exists():
        return Pace()
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=1)) as connection:
            row = connection.execute(
                "select count(*), coalesce(sum(completion_tokens), 0), max(created_at) from calls where night = ?",
                (night,),
            ).fetchone()
    except sqlite3.Error:
        return Pace()
    return Pace(*row)
