"""What is new since a consumer last looked: durable cursors over `commits`.

The cursor is a commit's number and identity in the catalogue's small tables. New rows are those whose `commit_id` belongs
to a later commit, so deletes, rewrites, compaction and expired snapshots change nothing about what is new (DuckLake's own
change feed reports surviving rows as inserted after a rewrite). A consumer that dies before it acknowledges sees the same
rows again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa

from storage.errors import LakeError
from storage.lake.lake import Lake
from storage.schema import TABLES
from storage.unknown_names import unknown

LISTED_COMMITS = 64
"""Up to so many commits are named one by one, so that files of other commits are not opened."""


@dataclass(frozen=True)
class Changes:
    """The commits that a consumer has not seen.

    Attributes:
        consumer: Name of the consumer.
        since: Number of the last commit it has acknowledged, 0 before the first.
        until: Number of the last commit there is.
        commits: Ids of the commits in between, in order.
    """

    lake: Lake = field(repr=False)
    consumer: str
    since: int
    until: int
    commits: tuple[str, ...]

    def batches(self, table: str, columns: list[str] | None = None, rows: int = 10_000) -> Iterator[pa.RecordBatch]:
        """Return the new rows of a table, in bounded memory and in no order; those taken down since are not among them.

        Args:
            table: A table of the lake.
            columns: Only these; None means all.
            rows: Most rows per batch.

        Raises:
            LakeError: There is no such table.
        """
        if table not in TABLES:
            raise LakeError(unknown("table", table, TABLES))
        if not self.commits:
            return
        chosen = ", ".join(f'"{name}"' for name in columns or TABLES[table].names)
        if len(self.commits) <= LISTED_COMMITS:
            named = ", ".join(f"'{commit}'" for commit in self.commits)
        else:
            named = f"select commit_id from commits where seq > {self.since} and seq <= {self.until}"
        connection = self.lake.connection.cursor()
        try:
            connection.execute("use lake")
            yield from connection.execute(f"select {chosen} from {table} where commit_id in ({named})").to_arrow_reader(
                rows
            )
        finally:
            connection.close()

    def acknowledge(self) -> None:
        """Move the cursor: what was returned is dealt with, for good.

        Raises:
            LakeError: Somebody else has moved this consumer's cursor meanwhile.
        """
        if not self.commits:
            return
        with self.lake.catalog.transaction() as execute:
            cursor = execute("select seq from nightschool_cursors where consumer = ?", [self.consumer])
            if (int(cursor[0][0]) if cursor else 0) != self.since:
                raise LakeError(f"cursor {self.consumer!r} was moved by another process; look again with changes_since")
            execute(
                "insert into nightschool_cursors values (?, ?, ?, ?) on conflict (consumer) do update set "
                "seq = excluded.seq, commit_id = excluded.commit_id, updated = excluded.updated",
                [self.consumer, self.until, self.commits[-1], self.lake.catalog.now(execute)],
            )


def changes_since(lake: Lake, consumer: str) -> Changes:
    """Return the commits that a consumer has not acknowledged; all of them for a new consumer.

    Raises:
        LakeError: The cursor stands at a commit that this lake does not have: it was restored from an older back-up.
    """
    with lake.catalog.transaction() as execute:
        cursor = execute("select seq, commit_id from nightschool_cursors where consumer = ?", [consumer])
    since, commit = (int(cursor[0][0]), str(cursor[0][1])) if cursor else (0, "")
    if since and not lake.rows("select 1 from commits where seq = ? and commit_id = ?", [since, commit]):
        raise LakeError(
            f"cursor {consumer!r} stands at commit {since} ({commit}), which this lake does not have: was it restored from a "
            "back-up? Forget the cursor (storage.lake.cursors.forget) to begin again"
        )
    rows = lake.rows("select commit_id, seq from commits where seq > ? order by seq", [since])
    until = int(rows[-1]["seq"]) if rows else since
    return Changes(lake, consumer, since, until, tuple(str(row["commit_id"]) for row in rows))


def forget(lake: Lake, consumer: str) -> None:
    """Remove a consumer's cursor; everything is new to it again."""
    with lake.catalog.transaction() as execute:
        execute("delete from nightschool_cursors where consumer = ?", [consumer])
