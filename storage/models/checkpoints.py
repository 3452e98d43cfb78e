"""The registry of trained models: what each was trained from and on, and which one is the student."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from storage.catalog.leases import Lease
from storage.errors import CheckpointError
from storage.faults import irregular
from storage.ids import digest_files
from storage.lake.lake import Commit, Lake, table_of

_WEIGHING = ("*.safetensors", "*.bin", "*.json", "*.jinja", "*.model", "*.txt")
_IGNORED = {"training.json", "trainer_state.json"}


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A trained model.

    Attributes:
        id: Digest of weights, configuration, tokenizer and template.
        path: Its Hugging Face folder.
        stage: `base`, or the kind of stage that made it: `cpt`, `sft`, `preference`, `rl`, ...
    """

    id: str
    path: Path
    stage: str


def weighing(folder: Path) -> list[Path]:
    """Return what a checkpoint's digest is made of: what can change its answers."""
    return [path for pattern in _WEIGHING for path in folder.glob(pattern) if path.name not in _IGNORED]


def checkpoint_digest(folder: Path) -> str:
    """Hash everything in a checkpoint that can change its answers: weights, configuration, tokenizer, chat template.

    Raises:
        CheckpointError: The folder is missing or holds no weights, or something else stands in place of a file.
    """
    files = weighing(folder)
    if not any(path.suffix in (".safetensors", ".bin") for path in files):
        raise CheckpointError(f"{folder} holds no model weights (*.safetensors); name a Hugging Face folder")
    for path in files:
        if what := irregular(path):
            raise CheckpointError(f"{path} is {what}; put the file back, or name another Hugging Face folder")
    return digest_files(files, folder)


def register_checkpoint(
    lake: Lake,
    path: Path,
    *,
    stage: str,
    night: str | None,
    parent: str | None = None,
    release: str | None = None,
    config: Mapping[str, Any] | None = None,
    metrics: Mapping[str, Any] | None = None,
    code_version: str = "",
    read: Mapping[str, Any] | None = None,
    stage_rows: pa.Table | None = None,
) -> Checkpoint:
    """Enter a checkpoint folder of the workspace into the lake, once per content.

    Args:
        lake: The lake.
        path: The folder.
        stage: `base`, or the kind of the stage that made it.
        night: Night it belongs to.
        parent: Checkpoint it was trained from.
        release: Release that its stage was given.
        config: Settings of the stage.
        metrics: Its figures.
        code_version: Version of Nightschool.
        read: What the stage read, in figures; None for a base.
        stage_rows: What it read by id: rows of the lake's `stage_rows` without `checkpoint_id`.

    Raises:
        CheckpointError: The folder holds no weights.
    """
    identity = checkpoint_digest(path)
    row = {
        "checkpoint_id": identity,
        "stage": stage,
        "parent": parent,
        "release_id": release,
        "path": lake.workspace.relative(path),
        "config": json.dumps(dict(config or {}), sort_keys=True),
        "metrics": json.dumps(dict(metrics or {}), sort_keys=True),
        "code_version": code_version,
        "night": night,
        "created_at": datetime.now(UTC),
        "read": None if read is None else json.dumps(dict(read), sort_keys=True),
    }
    tables = {"checkpoints": table_of("checkpoints", [row])}
    if stage_rows is not None:
        ids = pa.array([identity] * stage_rows.num_rows, pa.string())
        tables["stage_rows"] = stage_rows.append_column("checkpoint_id", ids)
    lake.commit(f"checkpoint:{identity}", "checkpoint", tables, night=night)
    return Checkpoint(identity, path, stage)


def find_checkpoint(lake: Lake, identity: str) -> Checkpoint:
    """Return a registered checkpoint and make sure its folder is there.

    Raises:
        CheckpointError: It is not registered, or its folder is gone.
    """
    rows = lake.rows("select checkpoint_id, path, stage from checkpoints where checkpoint_id = ?", [identity])
    if not rows:
        raise CheckpointError(f"no checkpoint {identity} in workspace {lake.workspace.root}")
    path = lake.workspace.root / rows[0]["path"]
    if not path.is_dir():
        raise CheckpointError(f"checkpoint {identity} is registered, but its folder {path} is gone; restore it")
    return Checkpoint(identity, path, rows[0]["stage"])


def current_student(lake: Lake) -> Checkpoint | None:
    """Return the model that was promoted last; None before the first promotion."""
    rows = lake.rows("select checkpoint_id from students order by seq desc limit 1")
    return find_checkpoint(lake, rows[0]["checkpoint_id"]) if rows else None


def record_promotion(
    lake: Lake,
    *,
    key: str,
    candidate: str,
    incumbent: str,
    decision: str,
    reason: str,
    figures: Mapping[str, Any],
    night: str | None,
    lease: Lease | None = None,
    more: Mapping[str, pa.Table] | None = None,
) -> Commit:
    """Record whether a candidate became the student, and why; once per key.

    Args:
        lake: The lake.
        key: Idempotency key.
        candidate: Checkpoint that asked.
        incumbent: Checkpoint it was compared with; for a promotion it must still be the student, if there is one.
        decision: `promoted`, `refused`, `undecided` or `waiting`.
        reason: One sentence.
        figures: The evidence.
        night: Night that decides; None for a person.
        lease: That of whoever decides, which must still be held when the commit takes effect.
        more: Rows of other tables that belong to the same commit.

    Raises:
        CheckpointError: Another model became the student in the meantime.
        LeaseError: The lease has passed to another; nothing is written.
    """
    row = {
        "candidate": candidate,
        "incumbent": incumbent,
        "decision": decision,
        "reason": reason,
        "figures": json.dumps(dict(figures), sort_keys=True),
        "night": night,
        "created_at": datetime.now(UTC),
    }
    with lake.workspace.lock("promotion"):
        if not lake.has(key) and decision == "promoted":
            student = current_student(lake)
            if student is not None and student.id != incumbent:
                raise CheckpointError(
                    f"{candidate[:12]} was compared with {incumbent[:12]}, but the student is {student.id[:12]} now; "
                    f"compare it with that one"
                )
        tables = {"promotions": table_of("promotions", [row]), **(more or {})}
        return lake.commit(key, "promotion", tables, night=night, lease=lease)
