"""Checks of a whole lake: that commits are whole, the books balance, releases are what they were, and files can be read.

Each check is named and says what is wrong with figures, examples and the remedy; all of them read in bounded memory.

Only when asked for (`deep`): whether the lake's files are byte for byte what was committed, and the weights of models.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from sqlite3 import DatabaseError

from storage.catalog.backup import fault_of
from storage.catalog.catalog import Catalog, SqliteCatalog, catalog_of
from storage.catalog.evolution import is_current
from storage.catalog.leases import list_leases
from storage.catalog.readers import may_write
from storage.errors import LakeError, NightschoolError, WorkspaceError
from storage.faults import bring_back, irregular
from storage.lake.lake import Lake
from storage.ledger.ledger import Ledger
from storage.ledger.published import check as reconcile
from storage.releases.checks import verify_release
from storage.releases.reading import get_release, release_ids
from storage.schema import SUBJECTS, TABLES, ties
from storage.takedown.check import wrong_takedowns
from storage.upkeep.files import (
    checkpoints_changed,
    checkpoints_missing,
    damaged_files,
    damaged_index,
    guarded,
    unreadable_files,
)
from storage.workspace import Workspace

LONGEST_LEASE_S = 3_600.0
"""A lease that claims to last longer than this from now was left by a clock that was wrong, and frees itself too late."""

_BACK_UP = "bring a back-up back with `nightschool lake restore`, or report it: nothing in Nightschool does this"
_GONE = "select unnest({0}) from takedowns"
_REFERENCES: Mapping[str, tuple[str, str, str]] = {
    "samples.attempt_id": ("samples", "attempt_id", "select attempt_id from attempts"),
    "release_rows.release_id": ("release_rows", "release_id", "select release_id from releases"),
    "release_rows.sample_id": (
        "release_rows", "sample_id", f"select sample_id from samples union all {_GONE.format('sample_ids')}",
    ),
    "checkpoints.release_id": ("checkpoints", "release_id", "select release_id from releases"),
    "stage_rows.checkpoint_id": ("stage_rows", "checkpoint_id", "select checkpoint_id from checkpoints"),
    "stage_rows.sample_id": (
        "stage_rows", "sample_id", f"select sample_id from samples union all {_GONE.format('sample_ids')}",
    ),
    "stage_rows.problem_id": (
        "stage_rows", "problem_id", f"select problem_id from problems union all {_GONE.format('problem_ids')}",
    ),
    "checkpoints.parent": ("checkpoints", "parent", "select checkpoint_id from checkpoints"),
    "samples.parents": (
        "(select unnest(parents) as call_id from samples where night in (select night from runs "
        "where event = 'finished' and run_id like 'night/%'))",
        "call_id", f"select call_id from calls union all {_GONE.format('call_ids')}",
    ),
}  # fmt: skip
"""Besides what tables are taken down with (`storage.schema.ties`). What a takedown removed is known to be gone."""


def check_lake(lake: Lake, say: Callable[[str], None] = lambda step: None, *, deep: bool = False) -> list[str]:
    """Check every invariant and return what is wrong, a sentence each; empty when nothing is."""
    return [line for lines in run_checks(lake, say, deep=deep).values() for line in lines]


def check_workspace(
    workspace: Workspace, say: Callable[[str], None] = lambda step: None, *, deep: bool = False
) -> dict[str, list[str]]:
    """Check a workspace whose lake may not even open, and return, by the name of each check, what is wrong.

    Args: as for `run_checks`.

    Raises:
        WorkspaceError: It is somebody else's.
    """
    if not may_write(workspace.root):
        raise WorkspaceError(f"workspace {workspace.root} is somebody else's: its owner can check it")
    catalog = catalog_of(workspace)
    say("catalogue")
    wrong: dict[str, list[str]] = {"catalogue": list(damaged_catalogue(workspace, catalog))}
    try:
        with Lake(workspace, read_only=True) as lake:
            return wrong | run_checks(lake, say, deep=deep)
    except NightschoolError as error:
        if not wrong["catalogue"]:
            wrong["catalogue"].append(str(error))
    say("ledger")
    try:
        if workspace.ledger.exists() or irregular(workspace.ledger):
            with Ledger(workspace.ledger) as ledger:
                ledger.must_be_whole()
    except LakeError as error:
        wrong["ledger"] = [str(error)]
    return wrong


def damaged_catalogue(workspace: Workspace, catalog: Catalog) -> Iterator[str]:
    """Say whether a SQLite catalogue, or the database beside it, is not whole."""
    if not isinstance(catalog, SqliteCatalog):
        return
    if (what := irregular(catalog.file)) or not catalog.exists():
        fault = what and f"it is {what}: move it away"
    else:
        fault = fault_of(catalog.file)
    if fault:
        yield f"catalogue {catalog.file} is damaged ({fault}); {bring_back(workspace.root)}"
    if catalog.beside.exists() or irregular(catalog.beside):
        try:
            with catalog.transaction() as execute:
                ((first,), *_) = execute("pragma integrity_check(1)")
                if first != "ok":
                    raise DatabaseError(f"database disk image is malformed: {first}")
            is_current(catalog)
        except NightschoolError as error:
            yield str(error)


def run_checks(
    lake: Lake,
    say: Callable[[str], None] = lambda step: None,
    *,
    deep: bool = False,
    only: Collection[str] | None = None,
) -> dict[str, list[str]]:
    """Check every invariant and return, by the name of each check, what is wrong.

    Args:
        lake: The lake.
        say: Told the name of each check before it begins.
        deep: Hash every file of the lake and of the history index, and the weights of every checkpoint, as well.
        only: Names of the checks to make; None means all.
    """
    checks: dict[str, Callable[[Lake], Iterator[str]]] = {
        "commits": _commits, "references": _references, "files": partial(_files, deep=deep), "funnel": _funnel,
        "releases": _releases, "takedowns": wrong_takedowns,
        "ledger": _ledger, "history index": partial(damaged_index, deep=deep), "leases": _leases,
        "checkpoints": checkpoints_changed if deep else checkpoints_missing,
    }  # fmt: skip
    wrong: dict[str, list[str]] = {}
    if unreadable := list(unreadable_files(lake)):  # no query can be made over them
        wrong["files"] = [*unreadable, "what is in the tables was not checked; check again when that is put right"]
        checks = {"leases": _leases}
    for name, step in checks.items():
        if only is not None and name not in only:
            continue
        say(name)
        wrong[name] = list(guarded(name, step(lake)))
    return wrong


def _commits(lake: Lake) -> Iterator[str]:
    for row in lake.rows("select key, count(*) as n from commits group by key having n > 1"):
        yield f"commit {row['key']} was made {row['n']} times; {_BACK_UP}"
    last = lake.rows("select count(*) as n, count(distinct seq) as seqs, coalesce(max(seq), 0) as last from commits")[0]
    if last["n"] != last["last"] or last["n"] != last["seqs"]:
        yield (
            f"the lake has {last['n']} commits with {last['seqs']} numbers and the last is number {last['last']}; {_BACK_UP}"
        )
    rows = " union all ".join(f"select commit_id, count(*) as n from {name} group by all" for name in TABLES)
    for row in lake.rows(
        f"with r as (select commit_id, sum(n) as n from ({rows}) group by all), "
        "t as (select of_commit as commit_id, sum(rows) as n from takedown_rows group by all) "
        "select c.key, c.rows, coalesce(r.n, 0)::bigint as n, coalesce(t.n, 0)::bigint as gone from commits c "
        "left join r using (commit_id) left join t using (commit_id) where c.rows <> coalesce(r.n, 0) + coalesce(t.n, 0)"
    ):
        taken = f" ({row['gone']:,} more were taken down)" if row["gone"] else ""
        yield f"commit {row['key']} has {row['n']:,} rows of {row['rows']:,}{taken}; {_BACK_UP}"
    for row in lake.rows(
        f"select sum(n)::bigint as n from ({rows}) r anti join commits using (commit_id) having n > 0"
    ):
        yield f"{row['n']:,} rows belong to no commit; {_BACK_UP}"


def references() -> dict[str, tuple[str, str, str]]:
    """Return what must be there: a relation, its column, and where the value must stand; that of every table with text among it."""
    by_name = dict(_REFERENCES)
    for tie in ties():
        home = f"{tie.kind}s"
        if tie.table != home:
            relation = tie.table if tie.subject is None else f"(from {tie.table} where {tie.condition})"
            name = f"{tie.table}.{tie.column}" + (f" of a {tie.subject}" if tie.subject else "")
            by_name[name] = (relation, tie.column, f"select {tie.kind}_id from {home}")
    return by_name


def _references(lake: Lake) -> Iterator[str]:
    for name, (relation, column, there) in references().items():
        (row,) = lake.rows(
            f"select count(*) as n, min({column}) as example from {relation} r where {column} is not null "
            f"and not exists (from ({there}) t(known) where t.known = r.{column})"
        )
        if row["n"]:
            yield f"{name}: {row['n']:,} refer to nothing, {row['example']} for one; {_BACK_UP}"
    for row in lake.rows("select subject, count(*) as n from evidence group by all order by all"):
        if row["subject"] not in SUBJECTS:
            yield f"evidence: {row['n']:,} rows are about a {row['subject']}, which no takedown finds; {_BACK_UP}"


def _files(lake: Lake, *, deep: bool) -> Iterator[str]:
    """Name each damaged file; where none is, read every column of every one."""
    named = list(damaged_files(lake, deep=deep))
    yield from named
    for name in [] if named else sorted(TABLES):
        columns = ", ".join(f'count("{field.name}")' for field in TABLES[name])
        try:
            lake.query(f"select sum(hash(t)::double), {columns} from {name} t")
        except LakeError as error:
            yield f"table {name}: {error}; bring the file back from a back-up of the Parquet files"


def _funnel(lake: Lake) -> Iterator[str]:
    """Finished nights only: a night at work has open attempts."""
    for row in lake.rows(
        "select * from funnel where night in (select night from runs where event = 'finished' and run_id like 'night/%') "
        "and (planned <> done + failed or made <> accepted + rejected)"
    ):
        yield (
            f"night {row['night']}, {row['method']}: planned {row['planned']}, done {row['done']}, failed {row['failed']}; "
            f"made {row['made']}, accepted {row['accepted']}, rejected {row['rejected']}; the same `nightschool run` "
            "of that night finishes what is open"
        )


def _releases(lake: Lake) -> Iterator[str]:
    for release_id in release_ids(lake):
        yield from guarded(f"release {release_id}", _release(lake, release_id))


def _release(lake: Lake, release_id: str) -> Iterator[str]:
    yield from verify_release(lake, get_release(lake, release_id))


def _ledger(lake: Lake) -> Iterator[str]:
    if not (lake.workspace.ledger.exists() or irregular(lake.workspace.ledger)):
        return
    with Ledger(lake.workspace.ledger) as ledger:
        ledger.must_be_whole()
        result = reconcile(ledger, lake)
    if not result.agree:
        yield f"the ledger and the lake disagree: {', '.join(result.examples)}; see `nightschool ledger check`"


def _leases(lake: Lake) -> Iterator[str]:
    now = time.time()
    for lease in list_leases(lake.catalog):
        if lease.alive and lease.expires > now + LONGEST_LEASE_S:
            yield (
                f"lease {lease.name} of process {lease.pid} lasts {(lease.expires - now) / 3600:,.1f} hours more; a machine's "
                "clock is wrong: set it, and end that process"
            )
