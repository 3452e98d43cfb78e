"""Maintenance: compaction, expiry, orphans. Each step is idempotent and may be interrupted.

Tables are append-only and a release names rows of the newest state, so an expired snapshot never takes away what one needs.
"""

from dataclasses import asdict, dataclass
from typing import Any

import duckdb

from storage.errors import LakeError
from storage.faults import explain
from storage.lake import Lake
from storage.leases import acquire
from storage.workspace import Workspace

KEEP_DAYS = 7
"""Days that superseded snapshots stay readable."""
GRACE_DAYS = 1
"""Days before a file that nothing refers to is removed: a reader may still be in it."""


@dataclass(frozen=True, slots=True)
class Maintained:
    """What was done.

    Attributes:
        merged: Files that became fewer.
        into: The files they became.
        expired: Snapshots that can no longer be read.
        removed: Files removed because no snapshot refers to them.
        orphans: Files removed that no catalogue ever knew (of killed writers).
    """

    merged: int
    into: int
    expired: int
    removed: int
    orphans: int

    def to_json(self) -> dict[str, Any]:
        """Return the figures by name."""
        return asdict(self)


def maintain(workspace: Workspace, *, keep_days: float = KEEP_DAYS, grace_days: float = GRACE_DAYS) -> Maintained:
    """Compact small files, expire old snapshots and remove files that nothing refers to; one process at a time.

    Raises:
        LeaseError: Another process maintains this lake.
        LakeError: A step failed; what was done before stays done.
    """
    with Lake(workspace) as lake, acquire(lake.catalog, "maintenance", purpose="maintenance"):
        _call(lake, "ducklake_flush_inlined_data('lake')")
        merged = _call(lake, "ducklake_merge_adjacent_files('lake')")
        expired = _call(lake, f"ducklake_expire_snapshots('lake', older_than => {_ago(keep_days)})")
        removed = _call(lake, f"ducklake_cleanup_old_files('lake', older_than => {_ago(grace_days)})")
        orphans = _call(lake, f"ducklake_delete_orphaned_files('lake', older_than => {_ago(max(grace_days, 1))})")
    return Maintained(
        sum(row[2] for row in merged), sum(row[3] for row in merged), len(expired), len(removed), len(orphans)
    )


def _ago(days: float) -> str:
    return f"now() - to_seconds({days * 86_400:.0f})"


def _call(lake: Lake, function: str) -> list[tuple[Any, ...]]:
    with lake.lock():
        try:
            return list(lake.connection.execute(f"CALL {function}").fetchall())
        except duckdb.Error as error:
            raise LakeError(f"{function.partition('(')[0]}: {explain(error, lake.workspace.root)}") from error
