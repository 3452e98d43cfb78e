"""Takedown: rows or whole problems leave the lake for good, with every copy of their text that Nightschool keeps.

    planned   the ids are recorded, in the lake and in `takedowns/<id>.json` of the workspace: from here on nothing of it comes back
    applied   one commit removes the rows, and names a successor for each release that held one (`storage.takedown.redaction`)
    done      the text is out of every file (`storage.takedown.purge`), on the machine that did it

Killed in between, `resume` finishes: each step is found done, or is done again. The lake keeps ids and digests, never text.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from storage.atomic import write_text
from storage.catalog.backup import back_up
from storage.catalog.leases import Lease, acquire
from storage.errors import LakeError, WorkspaceError
from storage.lake.lake import Lake, table_of
from storage.lake.maintenance import LEASE
from storage.releases.making import CHANGING
from storage.schema import ties
from storage.takedown.purge import Rewrite, purge, purge_workspace
from storage.takedown.redaction import export_successors, hit_releases
from storage.workspace import Workspace

TRAINING = "training"
"""Lease of whoever trains, and so reads releases."""

_LISTS = (
    "sample_ids", "problem_ids", "structure_ids", "call_ids", "contents", "releases", "checkpoints",
)  # fmt: skip

Say = Callable[[str], None]


def _silent(_: str) -> None:
    return


@dataclass(frozen=True, slots=True)
class Takedown:
    """What is taken down: ids and digests only.

    Attributes:
        takedown_id: Digest of the rows and problems.
        kind: What was named: `sample`, `problem` or `condition`.
        because: Why.
        sample_ids: Rows.
        problem_ids: Problems.
        structure_ids: Their structures.
        call_ids: Calls.
        contents: Digests of what the rows hold.
        releases: Releases that hold one of the rows.
        checkpoints: Models that read one of the rows, themselves or through an ancestor.
    """

    takedown_id: str
    kind: str
    because: str
    sample_ids: tuple[str, ...]
    problem_ids: tuple[str, ...]
    structure_ids: tuple[str, ...]
    call_ids: tuple[str, ...]
    contents: tuple[str, ...]
    releases: tuple[str, ...]
    checkpoints: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    def row(self, event: str) -> pa.Table:
        """Return its row of `takedowns`."""
        return table_of("takedowns", [{**self.to_json(), "event": event, "created_at": datetime.now(UTC)}])


def takedown_of(values: Mapping[str, Any]) -> Takedown:
    """Read a takedown from a row of `takedowns` or from its file."""
    lists = {name: tuple(values.get(name) or ()) for name in _LISTS}
    return Takedown(values["takedown_id"], values["kind"], values["because"], **lists)


def take_down(
    lake: Lake, takedown: Takedown, *, lease: Lease | None = None, say: Say = _silent, rewrite: Rewrite | None = None
) -> dict[str, Any]:
    """Carry a takedown out, or finish one that was interrupted.

    Args:
        lake: The lake, open for writing.
        takedown: What to remove (`storage.takedown.plan`).
        lease: That of maintenance, when the caller holds it; None takes it.
        say: Told of each step.
        rewrite: Writes the report of a night again; without it, reports are removed.

    Returns:
        `takedown_id`, `removed` (rows by table), `successors` (by release, null where no row is left), `purged` (files).

    Raises:
        LeaseError: Somebody maintains this lake, or trains.
        WorkspaceError: A night is at work on this machine.
        LakeError: A step failed; `resume` goes on from there.
    """
    with ExitStack() as stack:
        maintenance = lease or stack.enter_context(
            acquire(lake.catalog, LEASE, purpose=f"takedown {takedown.takedown_id}")
        )
        stack.enter_context(acquire(lake.catalog, TRAINING, purpose=f"takedown {takedown.takedown_id}"))
        _no_night_at_work(lake.workspace)
        stack.enter_context(lake.lock(CHANGING))
        record(lake, takedown)
        _apply(lake, takedown, say)
        purged = purge(lake, maintenance, takedown.takedown_id, takedown.call_ids, say=say, rewrite=rewrite)
        lake.commit(_key(takedown, "done"), "takedown", {"takedowns": takedown.row("done")})
        say("back-up of the catalogue")
        with lake.lock():
            purged["backup"] = back_up(lake.workspace, lake.catalog, "takedown").name
    removed = lake.rows(
        'select in_table as "table", sum(rows)::bigint as rows from takedown_rows where takedown_id = ? group by all order by all',
        [takedown.takedown_id],
    )
    replaced = lake.rows(
        "select release_id, successor from redactions where takedown_id = ? order by release_id", [takedown.takedown_id]
    )
    return {
        "takedown_id": takedown.takedown_id,
        "removed": {row["table"]: row["rows"] for row in removed},
        "successors": {row["release_id"]: row["successor"] for row in replaced},
        "purged": purged,
    }


def record(lake: Lake, takedown: Takedown) -> None:
    """Record what is to be removed, durably, before anything is: in the lake, and in a file that no restore takes back."""
    note(lake.workspace, takedown)
    lake.commit(_key(takedown, "planned"), "takedown", {"takedowns": takedown.row("planned")})


def note(workspace: Workspace, takedown: Takedown) -> None:
    """Write a takedown's file, once."""
    file = workspace.folder("takedowns") / f"{takedown.takedown_id}.json"
    if not file.exists():
        write_text(file, json.dumps(takedown.to_json(), indent=1) + "\n")


def recorded(lake: Lake) -> list[Takedown]:
    """Return the takedowns that the lake knows of, oldest first."""
    rows = lake.rows("select t.* from takedowns t join commits using (commit_id) where event = 'planned' order by seq")
    return [takedown_of(row) for row in rows]


def unfinished(lake: Lake) -> list[Takedown]:
    """Return the takedowns that were begun and are not done, or that a restored back-up knows nothing of, oldest first."""
    done = {row["takedown_id"] for row in lake.rows("select takedown_id from takedowns where event = 'done'")}
    by_id = {takedown.takedown_id: takedown for takedown in recorded(lake)}
    for file in sorted((lake.workspace.root / "takedowns").glob("*.json")):
        try:
            noted = takedown_of(json.loads(file.read_text(encoding="utf-8")))
        except (ValueError, TypeError, AttributeError) as error:
            raise LakeError(f"{file} is damaged ({error}); restore it from a copy, or remove it") from None
        by_id.setdefault(noted.takedown_id, noted)
    return [takedown for name, takedown in by_id.items() if name not in done]


def resume(
    lake: Lake, *, lease: Lease | None = None, say: Say = _silent, rewrite: Rewrite | None = None
) -> list[dict[str, Any]]:
    """Finish every takedown that is not done, here or at all; arguments, result and errors as for `take_down`."""
    done = [take_down(lake, takedown, lease=lease, say=say, rewrite=rewrite) for takedown in unfinished(lake)]
    purge_here(lake, say=say, rewrite=rewrite)
    return done


def purge_here(lake: Lake, *, say: Say = _silent, rewrite: Rewrite | None = None) -> list[str]:
    """Purge this machine's files of what was taken down on another one, and return those takedowns.

    Raises:
        LakeError: A file cannot be written.
    """
    done = lake.rows("select distinct takedown_id, call_ids from takedowns where event = 'done' order by takedown_id")
    here = lake.workspace.root / "takedowns"
    left = [row for row in done if not (here / f"{row['takedown_id']}.purged").exists()]
    for row in left:
        with lake.lock(CHANGING):
            purge_workspace(lake, row["takedown_id"], row["call_ids"] or (), say=say, rewrite=rewrite)
    return [row["takedown_id"] for row in left]


def _key(takedown: Takedown, step: str) -> str:
    return f"takedown:{takedown.takedown_id}:{step}"


def _no_night_at_work(workspace: Workspace) -> None:
    for file in sorted((workspace.root / "locks").glob("night-*.lock")):
        try:
            with workspace.lock(file.stem, wait=False):
                continue
        except WorkspaceError:
            raise WorkspaceError(f"{file.stem} is at work; end it, or wait, then take down") from None


def _apply(lake: Lake, takedown: Takedown, say: Say) -> None:
    """Remove the rows and name the successors, in one commit."""
    key = _key(takedown, "applied")
    if lake.has(key):
        return
    hit = hit_releases(lake, takedown.sample_ids)
    tables = export_successors(lake, hit, takedown.sample_ids, takedown.takedown_id, say)
    say(f"removal of {len(takedown.sample_ids):,} rows")
    lake.commit(key, "takedown", tables, first=lambda connection: _remove(connection, takedown))


def _remove(connection: Any, takedown: Takedown) -> dict[str, pa.Table]:
    """Delete inside the transaction, and return how many rows of each commit are gone."""
    samples, problems = list(takedown.sample_ids), list(takedown.problem_ids)
    attempts = connection.execute(
        "select distinct attempt_id from samples s where sample_id in (select unnest($1::varchar[])) and not exists "
        "(from samples o where o.attempt_id = s.attempt_id and o.sample_id not in (select unnest($1::varchar[])))",
        [samples],
    ).fetchall()
    ids = {"sample": samples, "problem": problems, "call": list(takedown.call_ids)}
    deletions: list[tuple[str, str, str, Sequence[str]]] = [
        ("attempts", "attempt_id", "true", [row[0] for row in attempts]),
        ("samples", "sample_id", "true", samples),
        *((tie.table, tie.column, tie.condition, ids[tie.kind]) for tie in ties()),
    ]
    removed: dict[tuple[str, str], int] = {}
    for table, column, condition, of in deletions:
        if not of:
            continue
        where = f"{condition} and {column} in (select unnest(?::varchar[]))"
        for commit, rows in connection.execute(
            f"select commit_id, count(*) from {table} where {where} group by commit_id", [of]
        ).fetchall():
            removed[table, commit] = removed.get((table, commit), 0) + rows
        connection.execute(f"delete from {table} where {where}", [of])
    connection.execute(  # a training's figures show one of the rows it learnt from
        "update runs set summary = json_merge_patch(summary, '{\"loss_masks\": null}')::varchar where event = 'finished' "
        "and run_id like 'train/%' and json_extract(summary, '$.loss_masks') is not null and (summary->>'$.release') in "
        "(select release_id from release_rows where sample_id in (select unnest(?::varchar[])))",
        [samples],
    )
    connection.execute(  # what a method prepared from several problems cannot lose one of them
        "update artefacts set value = null where list_has_any(problem_ids, ?::varchar[]) or list_has_any(call_ids, ?::varchar[])",
        [problems, list(takedown.call_ids)],
    )
    rows = [
        {"takedown_id": takedown.takedown_id, "in_table": table, "of_commit": commit, "rows": count}
        for (table, commit), count in sorted(removed.items())
    ]
    return {"takedown_rows": table_of("takedown_rows", rows)}
