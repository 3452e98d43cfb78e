"""The table `evidence`: what models were asked about rows and problems, a row per answer, whoever asked and for what."""

from collections.abc import Mapping, Sequence
from typing import Any

from storage.errors import LakeError
from storage.lake.lake import Lake, table_of
from storage.schema import SUBJECTS
from storage.unknown_names import unknown


def store_evidence(
    lake: Lake,
    key: str,
    kind: str,
    rows: Sequence[Mapping[str, Any]],
    *,
    night: str,
    version: str | None = None,
) -> None:
    """Commit evidence, once per key.

    Args:
        lake: The lake.
        key: Idempotency key.
        kind: What was measured: the name of the filter that asked, `trial`, ...
        rows: `subject`, `subject_id`, `name`, `model`, `value`, `text`, `call_ids`; `version` where rows differ in it.
        night: Night that asked.
        version: How it was asked, of all rows that do not say so themselves.

    Raises:
        LakeError: A subject is none that a takedown finds, or the commit failed.
    """
    for row in rows:
        if row["subject"] not in SUBJECTS:
            raise LakeError(f"evidence: {unknown('subject', str(row['subject']), SUBJECTS)}")
    table = table_of("evidence", [{"version": version, **row, "kind": kind, "night": night} for row in rows])
    lake.commit(key, kind, {"evidence": table}, night=night)


def evidence_of(lake: Lake, night: str, kind: str) -> list[dict[str, Any]]:
    """Return a night's evidence of one kind about samples, in the order of its commits: the last of a name holds."""
    return lake.rows(
        "select e.* exclude (commit_id) from evidence e join commits c using (commit_id) "
        "where e.night = ? and e.kind = ? and e.subject = 'sample' order by c.seq, subject_id, name",
        [night, kind],
    )
