"""Releases: the accepted rows at one commit, named, with a manifest, exported once as immutable Parquet.

Layout of an export: `releases/<name>/<version>/data/<method>-00000.parquet`, `manifest.json` written last. Making one streams: the
rows pass through sorted by id, in batches, into the files and the content hash; sorting spills to disk.
"""

import json
import re
import shutil
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from storage.atomic import atomic_folder
from storage.catalog.duck import within
from storage.errors import LakeError, QueryError, RecipeError
from storage.faults import explain
from storage.lake.bounded import bounded
from storage.lake.lake import Lake, table_of
from storage.releases.content import ContentHash, content_lines
from storage.releases.external_sort import boundaries, distributed, ordered_buckets
from storage.releases.facts import facts
from storage.releases.formats import formats_of, refuse_mixed
from storage.releases.mixture import Mixture, apply_mixture
from storage.releases.reading import Release, get_release, latest_release
from storage.releases.shards import ShardWriter
from storage.spreading import ahead
from storage.sql.conditions import take_into, taken
from storage.sql.inspection import CONDITION_S, inspect_condition, is_plain

CHANGING = "releases"
"""Lock of whoever makes releases or takes rows out of them: a release never names a row that is being taken down."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
BATCH_ROWS = 20_000
MEMORY = 1_792 << 20
"""Bytes that DuckDB may hold while it picks and joins rows: of ten million it keeps the ids, for which 1.5 GiB were too few."""
COLUMNS = """
    a.sample_id, a.method, a.kind, a.task, a.source, a.tier, a.night, a.origin, a.messages, a.response, a.rejected,
    a.text, a.steps, a.labels, a.answer, a.notes, a.attrs, a.words, a.problem_id, p.prompt, p.gold, p.license,
    a.tokens as model_tokens, p.structure_id, p.attrs as problem_attrs, p.structure, p.solution, a.gold_source, a.licenses
"""
"""Columns of a release, from `samples a` and `problems p`; its condition sees them. Old exports call words `tokens`, so tokens of
the model that learns, null where they are not known, are `model_tokens` in exports."""
PICKED = "sample_id, method, source, task, origin, night, words, model_tokens, license"
"""Columns of the temporary table `picked`, of those above."""
_PICK = f"""
    select {PICKED} from (
        select {COLUMNS} from accepted a join commits c using (commit_id) join problems p using (problem_id)
        where c.seq <= {{at_seq}} and p.split = 'train'
    ) a where ({{condition}}
)"""
_STREAM = """
    select {columns} from samples a join picked using (sample_id) join problems p using (problem_id)
"""
_ANY_TOOLS = "select count(*) from samples join picked using (sample_id) where tools is not null"
_WITH_TOOLS = ("a.messages,", "a.messages, a.tools,")
_WITHOUT_TOOLS = (
    "a.messages,",
    "list_transform(a.messages, lambda m: {'role': m.role, 'content': m.content}) as messages,",
)
"""What stands for the messages in an export: with what belongs to tools only where one is used, so that others are as ever."""


def create_release(
    lake: Lake,
    name: str,
    *,
    night: str | None,
    condition: str = "true",
    mixture: Mixture | None = None,
    extra: Mapping[str, Any] | None = None,
    key: str | None = None,
    mixed_formats: bool = False,
    timeout: float = CONDITION_S,
    recorded: bool = False,
) -> Release | None:
    """Name the accepted rows as they are now, export them, and record it; the same content is not released twice.

    Args:
        lake: The lake.
        name: Data set; lower-case letters, digits, `-` and `_`.
        night: Night that makes it.
        condition: SQL condition over the columns of `accepted` and of its problem; inspected like anybody's SQL.
        mixture: Caps and shares of methods, sources or tasks; None takes every row.
        extra: What else the manifest should say (recipe and code versions, benchmarks).
        key: Idempotency key; the release that was made under it is returned again.
        mixed_formats: Let the answers of one task have several forms (see `storage.releases.formats`).
        timeout: Seconds that the condition may take.
        recorded: Whether the condition is that of an earlier release, which an older version let depend on the order of rows.

    Returns:
        The new release; the latest one when its rows are the same; None when there are no rows.

    Raises:
        LakeError: The name or the condition cannot be used, or the rows of a task mix answer formats.
        QueryError: The condition takes too long or too much, or fails in its process.
        RecipeError: The mixture names what no row has.
    """
    _check(name, condition, recorded)
    with lake.lock(CHANGING):
        if key is not None and (earlier := _made_under(lake, key)) is not None:
            return earlier
        latest = latest_release(lake, name)
        with bounded(lake, MEMORY) as connection:
            at_seq = _pick(lake, connection, name, condition, mixture, timeout)
            rows = _count(connection)
            if not rows or (latest is not None and _same_rows(connection, rows, latest)):
                return latest if rows else None
            answer_formats = formats_of(connection)
            if not mixed_formats:
                refuse_mixed(name, answer_formats)
            manifest = {
                "release": next_id(lake, name),
                "condition": condition,
                "query": " ".join(_PICK.format(at_seq=at_seq, condition=condition).split()),
                "mixture": mixture.to_json() if mixture else {},
                "at_seq": at_seq,
                "night": night,
                "answer_formats": answer_formats,
                **facts(connection),
                **(extra or {}),
            }
            tables = export_release(lake, connection, manifest)
            lake.commit(key or f"release:{manifest['release']}", "release", tables, night=night)
            return get_release(lake, str(manifest["release"]))


def _check(name: str, condition: str, recorded: bool) -> None:
    if not _NAME.fullmatch(name):
        raise LakeError(f"release name {name!r}: use lower-case letters, digits, - and _")
    try:
        inspect_condition(condition, recorded=recorded)
    except QueryError as error:
        raise LakeError(f"release {name}: {error}") from error


def check_condition(lake: Lake, condition: str, timeout: float = CONDITION_S) -> None:
    """Refuse a condition by which no release could be made, before there are rows; what is constant in it is run.

    Raises:
        RecipeError: It is more than a condition, or names what rows do not have.
    """
    connection = lake.connection.cursor()
    try:
        inspect_condition(condition)
        none = f"select sample_id from ({_PICK.format(at_seq=0, condition=condition)}) limit 0"
        if not is_plain(condition):
            for _ in taken(lake.workspace, none, timeout=timeout):
                continue
            return
        connection.execute("USE lake")
        with within(connection, timeout, "it"):
            connection.execute(none)
    except (QueryError, duckdb.Error) as error:
        raise RecipeError(f"where = {condition!r}: {explain(error, lake.workspace.root)}") from None
    finally:
        connection.close()


def next_id(lake: Lake, name: str) -> str:
    """Return the id of the next release of a data set, `name@version`."""
    return (
        f"{name}@{lake.rows('select coalesce(max(version), 0) + 1 as n from releases where name = ?', [name])[0]['n']}"
    )


def _made_under(lake: Lake, key: str) -> Release | None:
    rows = lake.rows("select r.release_id from releases r join commits c using (commit_id) where c.key = ?", [key])
    release = get_release(lake, rows[0]["release_id"]) if rows else None
    while release is not None and release.redaction is not None and release.redaction.successor is not None:
        release = get_release(lake, release.redaction.successor)
    return release


def _pick(lake: Lake, connection: Any, name: str, condition: str, mixture: Mixture | None, timeout: float) -> int:
    """Make the temporary table `picked` of the rows that a release names; return the commit up to which it reads."""
    (at_seq,) = connection.execute("select coalesce(max(seq), 0) from commits").fetchone()
    what = f"release {name}: condition {condition!r}"
    try:
        if not is_plain(condition):
            statement = f"select sample_id from ({_PICK.format(at_seq=int(at_seq), condition=condition)})"
            as_of = str(at_seq) if at_seq else None
            take_into(connection, "chosen", taken(lake.workspace, statement, what, as_of=as_of, timeout=timeout))
            condition = "sample_id in (select id from chosen)"
        with within(connection, timeout, what):
            connection.execute(f"create temp table picked as {_PICK.format(at_seq=int(at_seq), condition=condition)}")
            if mixture is not None:
                apply_mixture(connection, mixture)
        connection.execute("drop table if exists chosen")
    except duckdb.Error as error:
        raise LakeError(f"{what}: {explain(error, lake.workspace.root)}") from error
    return int(at_seq)


def _count(connection: Any) -> int:
    (rows,) = connection.execute("select count(*) from picked").fetchone()
    return int(rows)


def _same_rows(connection: Any, rows: int, latest: Release) -> bool:
    """Whether the latest release names exactly the rows that are picked: a row's content never changes."""
    (other,) = connection.execute(
        "select count(*) from picked where sample_id not in (select sample_id from release_rows where release_id = ?)",
        [latest.id],
    ).fetchone()
    return not other and rows == latest.rows


def export_release(lake: Lake, connection: Any, manifest: dict[str, Any]) -> dict[str, pa.Table]:
    """Export the rows in the temporary table `picked` and return the rows to commit, of `releases` and `release_rows`.

    Args:
        lake: The lake.
        connection: That of `bounded`, with the table.
        manifest: What to say of the release; content hash and files are added.

    Raises:
        LakeError: The files cannot be written, or a row stands in the lake twice; nothing is left then.
    """
    release_id = str(manifest["release"])
    name, _, version = release_id.partition("@")
    folder = lake.workspace.root / "releases" / name / version
    with atomic_folder(folder) as making:
        try:
            files, content_hash = _export(lake, connection, making)
        except (
            OSError,
            duckdb.Error,
        ) as error:  # Arrow passes on what stops DuckDB in the middle of a stream as OSError
            message = explain(error, lake.workspace.root).split("\n\n")[0]
            raise LakeError(
                f"release {release_id} cannot be written to {folder}, nothing was recorded: {message}"
            ) from error
        members = connection.execute(
            "select ? as release_id, sample_id from picked order by sample_id", [release_id]
        ).to_arrow_table()
        if sum(entry["rows"] for entry in files.values()) != members.num_rows:
            raise LakeError(
                f"release {release_id}: a row stands in the lake twice, or its problem does; see `nightschool lake check`"
            )
        manifest |= {"content_hash": content_hash, "files": files}
        text = json.dumps(manifest, indent=2, sort_keys=True)
        (making / "manifest.json").write_text(text + "\n", encoding="utf-8")
        _make_way(folder, content_hash)
    row = {
        "release_id": release_id, "name": name, "version": int(version), "path": lake.workspace.relative(folder),
        "manifest": json.dumps(manifest, sort_keys=True), "created_at": datetime.now(UTC),
        **{field: manifest[field] for field in ("at_seq", "condition", "rows", "content_hash", "night")},
    }  # fmt: skip
    return {"releases": table_of("releases", [row]), "release_rows": members}


def _make_way(folder: Path, content_hash: str) -> None:
    """Remove an export of the same rows, left by a run that died before it could record it; move any other aside.

    What the lake does not know may be all that is left of a release: `lake maintain` removes it after some days.
    """
    if not folder.exists():
        return
    with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        if json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["content_hash"] == content_hash:
            shutil.rmtree(folder)
            return
    numbers = (folder.with_name(f"{folder.name}.aside-{number}") for number in count(1))
    folder.rename(next(aside for aside in numbers if not aside.exists()))


def _closing(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """The batches; at their end what the join held is given back, before anything is sorted."""
    with reader:
        yield from reader


def _export(lake: Lake, connection: Any, folder: Path) -> tuple[dict[str, dict[str, Any]], str]:
    """Write the picked rows in order of their ids; return what the files are, and the content hash."""
    content = ContentHash()
    cuts = boundaries(connection, "picked", "sample_id")
    (with_tools,) = connection.execute(_ANY_TOOLS).fetchone()
    columns = COLUMNS.replace(*(_WITH_TOOLS if with_tools else _WITHOUT_TOOLS))
    reader = connection.execute(_STREAM.format(columns=columns)).to_arrow_reader(BATCH_ROWS)
    spill = lake.workspace.folder("spill")
    with closing(ahead(_closing(reader))) as batches, ShardWriter(folder) as writer:
        with distributed(batches, "sample_id", cuts, reader.schema, spill) as paths:
            buckets = ahead(ordered_buckets(paths, "sample_id"))
            with closing(ahead(_digested(buckets, content))) as tables:
                for table, order in tables:
                    writer.write(table, order)
        return writer.close(), content.hexdigest()


def _digested(
    buckets: Generator[tuple[pa.Table, pa.Array], None, None], content: ContentHash
) -> Generator[tuple[pa.Table, pa.Array], None, None]:
    with closing(buckets):
        for table, order in buckets:
            lines = content_lines(table)
            content.add(b"".join(lines[number] for number in order.to_pylist()))
            yield table, order
