"""Releases as they are read: found by name, their files checked against the manifest, refused once a takedown redacted them.

The latest release of a data set is the one that stands for its highest version: a successor that a takedown made stands for the
version whose rows it holds, so that the successor of an old release never becomes the latest.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from storage.catalog.duck import connect, quote, within
from storage.errors import LakeError
from storage.ids import file_hash
from storage.lake.lake import Lake
from storage.releases.shards import read_batches
from storage.sql.conditions import taken
from storage.sql.inspection import CONDITION_S, inspect_condition, is_plain
from storage.sql.run import Export
from storage.workspace import Workspace

_FIND = """
with recursive standing as (
    select release_id, version as stands_for from releases
    where release_id not in (select successor from redactions where successor is not null)
    union
    select d.successor, s.stands_for from standing s join redactions d using (release_id) where d.successor is not null
)
select r.*, d.takedown_id, d.successor from releases r join standing s using (release_id)
left join redactions d using (release_id)
where r.name = $name and ($version = '' or r.version::varchar = $version)
order by d.takedown_id is null desc, s.stands_for desc, r.version desc limit 1
"""


_RENAMED = {"tokens": "words"}
"""Columns of exports that an older version made, under their names of today: its files and manifests never change."""


def columns_today(names: Iterable[str]) -> list[str]:
    """Return the names that the columns of an export have today."""
    return [_RENAMED.get(name, name) for name in names]


@dataclass(frozen=True, slots=True)
class Redaction:
    """Why the rows of a release are gone.

    Attributes:
        takedown: Takedown that asked for it.
        successor: Release with the rows that are left; None when none are.
    """

    takedown: str
    successor: str | None


@dataclass(frozen=True, slots=True)
class Release:
    """A named set of rows.

    Attributes:
        id: `name@version`.
        name: Data set.
        version: 1, 2, 3, ...
        path: Folder of the export.
        rows: Rows named.
        content_hash: Digest of the rows.
        manifest: The whole manifest.
        redaction: Set when a takedown removed its rows: it is named, listed and compared still, and cannot be read.
    """

    id: str
    name: str
    version: int
    path: Path
    rows: int
    content_hash: str
    manifest: Mapping[str, Any]
    redaction: Redaction | None = None

    def must_be_readable(self) -> None:
        """Refuse a release that a takedown redacted.

        Raises:
            LakeError: It was; its successor is named.
        """
        if self.redaction is None:
            return
        instead = (
            f"take {self.redaction.successor}, which holds the rows that are left"
            if self.redaction.successor
            else "none of its rows is left"
        )
        raise LakeError(f"release {self.id} was redacted by takedown {self.redaction.takedown}: {instead}")

    def files(self) -> list[Path]:
        """Return the files of the export, each checked against the manifest.

        Raises:
            LakeError: One is missing or not what the manifest says, or the release was redacted.
        """
        self.must_be_readable()
        for name, entry in sorted(self.manifest["files"].items()):
            file = self.path / name
            if not file.exists() or file_hash(file) != entry["sha256"]:
                raise LakeError(f"release {self.id}: {file} is missing or changed; restore it from a back-up")
        return [self.path / name for name in sorted(self.manifest["files"])]

    def export(self) -> Export:
        """Return the export for a condition that runs in a process of its own.

        Raises:
            LakeError: A file of it is missing or not what the manifest says.
        """
        columns = "* rename (tokens as words)" if "tokens" in self.manifest else "*"  # exports of an older version
        files = ", ".join(f"'{quote(str(file))}'" for file in self.files())
        return Export(self.path, f"select {columns} from read_parquet([{files}], union_by_name = true)")

    def table(self) -> pa.Table:
        """Read the whole export, in stable order of sample id.

        Raises:
            LakeError: A file of the export is missing or not what the manifest says.
        """
        table = pa.concat_tables([pq.read_table(file) for file in self.files()]).sort_by("sample_id")
        return table.rename_columns(columns_today(table.column_names))

    def batches(self, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Read the export in bounded memory: method by method, in order of sample id within each.

        Args:
            columns: Only these; None means all.

        Raises:
            LakeError: A file of the export is missing or not what the manifest says.
        """
        for batch in read_batches(self.files(), None if columns is None else self._columns_then(columns)):
            yield batch.rename_columns(columns_today(batch.schema.names))

    def _columns_then(self, columns: list[str]) -> list[str]:
        """Return columns under the names that they have in the files."""
        old = {new: name for name, new in _RENAMED.items()} if "tokens" in self.manifest else {}
        return [old.get(column, column) for column in columns]

    @property
    def words(self) -> int:
        """Length of the rows in words, separated by white space."""
        return int(self.manifest.get("words", self.manifest.get("tokens", 0)))


def get_release(lake: Lake, release_id: str) -> Release:
    """Return a release by `name@version`, or the latest of `name`.

    Raises:
        LakeError: There is none.
    """
    name, _, version = release_id.partition("@")
    rows = lake.query_named(_FIND, {"name": name, "version": version}).to_pylist()
    if not rows:
        releases = [row["release_id"] for row in lake.rows("select release_id from releases order by release_id")]
        raise LakeError(f"no release {release_id!r}; there are {', '.join(releases) or 'none yet'}")
    row = rows[0]
    return Release(
        row["release_id"], row["name"], row["version"], lake.workspace.root / row["path"], row["rows"],
        row["content_hash"], json.loads(row["manifest"]),
        Redaction(row["takedown_id"], row["successor"]) if row["takedown_id"] else None,
    )  # fmt: skip


def release_ids(lake: Lake) -> list[str]:
    """Return the ids of all releases, in the order in which they were made."""
    rows = lake.rows("select release_id from releases join commits c using (commit_id) order by c.seq")
    return [str(row["release_id"]) for row in rows]


def latest_release(lake: Lake, name: str) -> Release | None:
    """Return the latest release of a data set, or None."""
    releases = lake.rows("select 1 from releases where name = ? limit 1", [name])
    return get_release(lake, name) if releases else None


def list_releases(workspace: Workspace) -> list[dict[str, Any]]:
    """Return every release with rows, commit, night, folder, and, once redacted, its takedown and successor; newest last."""
    with Lake(workspace, read_only=True) as lake:
        return lake.rows(
            "select release_id, r.rows, at_seq, night, path, condition, content_hash, takedown_id, successor "
            "from releases r left join redactions d using (release_id) order by at_seq, r.version, release_id"
        )


def rows_where(release: Release, condition: str) -> pa.Table:
    """Return the rows of a release that fit an SQL condition over its columns, written by the recipe's author.

    Raises:
        QueryError: The condition is more than a condition, takes too long or too much, or fails in its process.
        LakeError: The condition cannot be used, or a file of the export is damaged.
    """
    inspect_condition(condition)
    what, table = f"release {release.id}: condition {condition!r}", release.table()
    if not is_plain(condition):
        statement = f"select sample_id from accepted where ({condition}\n)"
        batches = taken(release.export(), statement, what)
        ids = pa.chunked_array([batch.column(0) for batch in batches], pa.string())
        return table.filter(pc.is_in(table["sample_id"], ids))
    connection = connect()
    try:
        connection.register("accepted", table)
        with within(connection, CONDITION_S, what):
            return connection.execute(f"select * from accepted where ({condition}) order by sample_id").to_arrow_table()
    except duckdb.Error as error:
        raise LakeError(f"{what}: {error}") from None
    finally:
        connection.close()
