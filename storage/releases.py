"""Releases: the accepted rows at one commit, named, with a manifest, exported once as immutable Parquet.

Layout of an export: `releases/<name>/<version>/data/<method>-00000.parquet`, `manifest.json` written last.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from storage.errors import LakeError
from storage.lake import Lake, table_of
from storage.workspace import Workspace

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_ROWS = """
    select a.sample_id, a.method, a.kind, a.task, a.source, a.tier, a.night, a.origin, a.messages, a.response, a.rejected,
           a.text, a.steps, a.labels, a.answer, a.attrs, a.tokens, a.problem_id, p.prompt, p.gold, p.license,
           p.structure_id, p.attrs as problem_attrs, p.structure, p.solution
    from accepted a join commits c using (commit_id) join problems p using (problem_id)
    where c.seq <= ? and p.split = 'train'
"""


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
    """

    id: str
    name: str
    version: int
    path: Path
    rows: int
    content_hash: str
    manifest: Mapping[str, Any]

    def table(self) -> pa.Table:
        """Read the export, in stable order of sample id.

        Raises:
            LakeError: A file of the export is missing or not what the manifest says.
        """
        tables = []
        for name, entry in sorted(self.manifest["files"].items()):
            file = self.path / name
            if not file.exists() or _file_hash(file) != entry["sha256"]:
                raise LakeError(f"release {self.id}: {file} is missing or changed; restore it from a back-up")
            tables.append(pq.read_table(file))
        return pa.concat_tables(tables).sort_by("sample_id")


def create_release(
    lake: Lake,
    name: str,
    *,
    night: str | None,
    condition: str = "true",
    extra: Mapping[str, Any] | None = None,
    key: str | None = None,
) -> Release | None:
    """Name the accepted rows as they are now, export them, and record it; the same content is not released twice.

    Args:
        lake: The lake.
        name: Data set; lower-case letters, digits, `-` and `_`.
        night: Night that makes it.
        condition: SQL condition over the columns of `accepted`, written by us or by the recipe's author.
        extra: What else the manifest should say (recipe and code versions, benchmarks).
        key: Idempotency key; the release that was made under it is returned again.

    Returns:
        The new release; the latest one when its rows are the same; None when there are no rows.

    Raises:
        LakeError: The name or the condition cannot be used.
    """
    if not _NAME.fullmatch(name):
        raise LakeError(f"release name {name!r}: use lower-case letters, digits, - and _")
    with lake.workspace.lock(f"release-{name}"):
        if key is not None and (made := _made_under(lake, key)) is not None:
            return made
        at_seq = lake.last_seq()
        try:
            table = lake.query(f"select * from ({_ROWS}) a where {condition} order by sample_id", [at_seq])
        except LakeError as error:
            raise LakeError(f"release {name}: condition {condition!r}: {error}") from error
        latest = latest_release(lake, name)
        content = _content_hash(table)
        if not table.num_rows or (latest is not None and latest.content_hash == content):
            return latest if table.num_rows else None
        manifest = {
            "release": f"{name}@{latest.version + 1 if latest else 1}",
            "condition": condition,
            "at_seq": at_seq,
            "rows": table.num_rows,
            "tokens": pc.sum(table["tokens"]).as_py(),
            "content_hash": content,
            "by_method": _counts(table, "method"),
            "by_origin": _counts(table, "origin"),
            "by_source": _counts(table, "source"),
            "licenses": _counts(table, "license"),
            "night": night,
            **(extra or {}),
        }
        return _record(lake, table, manifest, key)


def _made_under(lake: Lake, key: str) -> Release | None:
    rows = lake.rows("select r.release_id from releases r join commits c using (commit_id) where c.key = ?", [key])
    return get_release(lake, rows[0]["release_id"]) if rows else None


def _record(lake: Lake, table: pa.Table, manifest: dict[str, Any], key: str | None) -> Release:
    """Export the rows, and commit the release with the rows it names."""
    release_id = str(manifest["release"])
    name, _, version = release_id.partition("@")
    folder = lake.workspace.root / "releases" / name / version
    manifest["files"] = _export(table, folder, manifest)
    row = {
        "release_id": release_id, "name": name, "version": int(version), "path": lake.workspace.relative(folder),
        "manifest": json.dumps(manifest, sort_keys=True), "created_at": datetime.now(UTC),
        **{field: manifest[field] for field in ("at_seq", "condition", "rows", "content_hash", "night")},
    }  # fmt: skip
    members = pa.table({"release_id": pa.array([release_id] * table.num_rows), "sample_id": table["sample_id"]})
    tables = {"releases": table_of("releases", [row]), "release_rows": members}
    lake.commit(key or f"release:{release_id}", "release", tables, night=manifest["night"])
    return get_release(lake, release_id)


def get_release(lake: Lake, release_id: str) -> Release:
    """Return a release by `name@version`, or the latest of `name`.

    Raises:
        LakeError: There is none.
    """
    name, _, version = release_id.partition("@")
    rows = lake.rows(
        "select * from releases where name = ? and (? = '' or version::varchar = ?) order by version desc limit 1",
        [name, version, version],
    )
    if not rows:
        known = [row["release_id"] for row in lake.rows("select release_id from releases order by release_id")]
        raise LakeError(f"no release {release_id!r}; there are {', '.join(known) or 'none yet'}")
    row = rows[0]
    return Release(
        row["release_id"], row["name"], row["version"], lake.workspace.root / row["path"], row["rows"],
        row["content_hash"], json.loads(row["manifest"]),
    )  # fmt: skip


def latest_release(lake: Lake, name: str) -> Release | None:
    """Return the latest release of a data set, or None."""
    known = lake.rows("select 1 from releases where name = ? limit 1", [name])
    return get_release(lake, name) if known else None


def list_releases(workspace: Workspace) -> list[dict[str, Any]]:
    """Return every release with rows, commit, night and folder, newest last."""
    with Lake(workspace, read_only=True) as lake:
        return lake.rows(
            "select release_id, rows, at_seq, night, path, condition, content_hash from releases order by at_seq, release_id"
        )


def _counts(table: pa.Table, column: str) -> dict[str, int]:
    counted = table.group_by(column).aggregate([("sample_id", "count")]).to_pydict()
    return dict(sorted(zip(counted[column], counted["sample_id_count"], strict=True)))


def _content_hash(table: pa.Table) -> str:
    columns = ["sample_id", "messages", "response", "rejected", "text", "steps", "labels"]
    total = hashlib.sha256()
    for row in table.select(columns).to_pylist():
        total.update(json.dumps(row, sort_keys=True, ensure_ascii=False).encode() + b"\n")
    return total.hexdigest()


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _export(table: pa.Table, folder: Path, manifest: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Write the files beside their place, the manifest last, and move the whole folder there."""
    making = folder.with_name(f".{folder.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)  # left by a run that died before it could record the release
    (making / "data").mkdir(parents=True)
    files: dict[str, dict[str, Any]] = {}
    for method in sorted(set(table["method"].to_pylist())):
        name = f"data/{method}-00000.parquet"
        part = table.filter(pc.equal(table["method"], method))
        pq.write_table(part, making / name, compression="zstd")
        files[name] = {"rows": part.num_rows, "sha256": _file_hash(making / name)}
    text = json.dumps({**manifest, "files": files}, indent=2, sort_keys=True)
    (making / "manifest.json").write_text(text + "\n", encoding="utf-8")
    folder.parent.mkdir(parents=True, exist_ok=True)
    making.rename(folder)
    return files
