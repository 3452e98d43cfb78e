"""Which checkpoint folders may go: never a promoted one or what it was trained from. The registry keeps every row."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from storage.lake.lake import Lake, table_of
from storage.models.adapters import is_adapter, merged_folder
from storage.models.registry import ancestors


@dataclass(frozen=True, slots=True)
class Folder:
    """A checkpoint's folder and what becomes of it.

    Attributes:
        checkpoint_id: The checkpoint.
        path: Its folder, relative to the workspace.
        stage: Its stage.
        night: The night that made it.
        size: Bytes on the disk.
        remove: Whether it may go.
        why: Why, or why not.
    """

    checkpoint_id: str
    path: str
    stage: str
    night: str | None
    size: int
    remove: bool
    why: str


def retention(lake: Lake, *, keep: int) -> list[Folder]:
    """Say of every checkpoint folder whether it may go, newest first; nothing is touched.

    Kept are: what was ever promoted, or compared with as the student, and its ancestors; what waits for a person; what a
    training that has not finished has made; models from outside; and the `keep` newest.
    """
    rows = lake.rows(
        "select checkpoint_id, path, stage, night from checkpoints order by created_at desc, checkpoint_id"
    )
    protected = _protected(lake)
    paths = {row["checkpoint_id"]: lake.workspace.root / row["path"] for row in rows}
    for row in rows[:keep]:
        for parent in _beneath(lake, row["checkpoint_id"], paths):
            protected.setdefault(parent, f"the adapter {row['checkpoint_id'][:12]} needs it")
    folders = []
    for number, row in enumerate(rows):
        folder = lake.workspace.root / row["path"]
        if not folder.is_dir():
            continue
        identity = row["checkpoint_id"]
        why = protected.get(identity) or (f"among the {keep} newest" if number < keep else "")
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        reason = why or "neither promoted nor an ancestor, and older than those that are kept"
        folders.append(Folder(identity, row["path"], row["stage"], row["night"], size, not why, reason))
    return folders


def _protected(lake: Lake) -> dict[str, str]:
    """Map checkpoints that must stay to the reason."""
    reasons: dict[str, str] = {}
    for row in lake.rows("select candidate, incumbent, decision from promotions"):
        if row["decision"] == "promoted":
            reasons.setdefault(row["candidate"], "it was promoted")
        reasons.setdefault(row["incumbent"], "it was the student when another was compared with it")
    waiting = lake.rows(
        "select candidate, decision from promotions p join commits c using (commit_id) "
        "qualify row_number() over (partition by candidate order by c.seq desc) = 1"
    )
    reasons |= {row["candidate"]: "it waits for a person's decision" for row in waiting if row["decision"] == "waiting"}
    unfinished = lake.rows(
        "select k.checkpoint_id from checkpoints k where 'train/' || k.night in "
        "(select run_id from runs where event = 'pinned') and 'train/' || k.night not in "
        "(select run_id from runs where event = 'finished')"
    )
    for row in unfinished:
        reasons.setdefault(row["checkpoint_id"], "the training that made it has not finished")
    for row in lake.rows("select checkpoint_id from checkpoints where stage = 'base'"):
        reasons.setdefault(row["checkpoint_id"], "it is a base")
    for identity in list(reasons):
        for parent in ancestors(lake, identity):
            reasons.setdefault(parent, f"{identity[:12]} was trained from it")
    return reasons


def _beneath(lake: Lake, identity: str, paths: Mapping[str, Path]) -> list[str]:
    """Return the checkpoints without which an adapter is nothing."""
    needed: list[str] = []
    for parent in ancestors(lake, identity):
        if identity not in paths or not is_adapter(paths[identity]):
            break
        needed.append(parent)
        identity = parent
    return needed


def prune(lake: Lake, folders: Sequence[Folder]) -> int:
    """Remove the folders that may go, each recorded first, and return the bytes freed.

    A folder is moved aside before its removal, so a half-removed one is never found under its name. Interrupted, the same
    call again finishes.

    Raises:
        WorkspaceError: A training is running; it may need what looks superfluous.
    """
    with lake.workspace.lock("training", wait=False, holder="a training"):
        return _prune(lake, folders)


def _prune(lake: Lake, folders: Sequence[Folder]) -> int:
    freed = 0
    for leftover in (lake.workspace.root / "checkpoints").glob(".*.pruned"):
        shutil.rmtree(leftover)
    for item in folders:
        if not item.remove:
            continue
        folder = lake.workspace.root / item.path
        row = {
            "checkpoint_id": item.checkpoint_id, "path": item.path, "bytes": item.size, "reason": item.why,
            "removed_at": datetime.now(UTC),
        }  # fmt: skip
        lake.commit(f"prune:{item.checkpoint_id}:{_made(folder)}", "prune", {"pruned": table_of("pruned", [row])})
        shutil.rmtree(merged_folder(folder), ignore_errors=True)
        aside = folder.with_name(f".{folder.name}.pruned")
        folder.rename(aside)
        shutil.rmtree(aside)
        freed += item.size
    return freed


def _made(folder: Path) -> int:
    """When a folder was made: a checkpoint that was made again can be pruned again."""
    return folder.stat().st_mtime_ns
