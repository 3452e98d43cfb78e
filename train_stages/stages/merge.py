"""Merging: an adapter into its base, and task vectors (arXiv:2212.04089), whose sum is a candidate like any other.

    python -m train_stages.stages.merge --config job.json

    start + sum of weight * (model - base)

A weight of 1 adds what a training taught, -1 takes it away, and two that start from the same checkpoint may be added up.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from storage.errors import TrainingError
from storage.ids import digest
from storage.models.adapters import is_adapter
from storage.models.checkpoints import checkpoint_digest
from storage.models.merging import Vector, combine
from train_stages.config import MergeConfig, read_config
from train_stages.process.job import Job, main
from train_stages.process.stage import MANIFEST, Progress, StageResult
from train_stages.process.states import output_folder, write_json
from train_stages.stages.base import Material, Stage

__all__ = ["MergeConfig", "merge"]


def merge(parent: Path, vectors: Sequence[Vector], out: Path, config: MergeConfig | None = None) -> StageResult:
    """Write the sum of a checkpoint and task vectors, whole weights in the precision of the checkpoint.

    Args:
        parent: The checkpoint to start from.
        vectors: Task vectors; without one an adapter is merged into its base.
        out: Where the new checkpoint goes; it must not exist.
        config: Settings, written into the manifest.

    Raises:
        TrainingError: There is nothing to merge, or `out` exists.
        CheckpointError: A checkpoint is of another architecture, or cannot be read.
    """
    if not vectors and not is_adapter(parent):
        raise TrainingError(
            f"merge: {parent.name} is no adapter, so there is nothing to merge into its base: add vectors, or leave it out"
        )
    parts = [(checkpoint_digest(vector.model), checkpoint_digest(vector.base), vector.weight) for vector in vectors]
    with output_folder(out, digest("merge", checkpoint_digest(parent), parts)) as folder:
        moved = combine(parent, vectors, folder)
        metrics = {"vectors": float(len(vectors)), "moved": moved}
        manifest = {
            "stage": "merge", "parent": parent.name, "config": (config or MergeConfig()).model_dump(mode="json"),
            "metrics": metrics, "tokens": 0, "history": [],
        }  # fmt: skip
        write_json(folder / MANIFEST, manifest)
    return StageResult(out, metrics, 0, 0.0)


def vectors_of(job: Job, config: MergeConfig) -> list[Vector]:
    """Return the task vectors of a job, whose checkpoints it names.

    Raises:
        TrainingError: It does not say where one of them is.
    """
    vectors = []
    for number, vector in enumerate(config.vectors):
        for name in filter(None, (vector.model, vector.base)):
            if name not in job.models:
                raise TrainingError(f"vectors.{number}: the job names no checkpoint {name!r} under models")
        base = job.parent if vector.base is None else job.models[vector.base]
        vectors.append(Vector(job.models[vector.model], base, vector.weight))
    return vectors


def check_merge(job: Job) -> dict[str, Any]:
    """Check a merge: every checkpoint that it names is there. Whether they are alike shows once all are made.

    Raises:
        TrainingError: One is missing.
        CheckpointError: One holds no weights.
    """
    config = read_config(MergeConfig, job.options, job.name or "merge")
    vectors = vectors_of(job, config)
    for folder in {job.parent, *(path for vector in vectors for path in (vector.model, vector.base))}:
        checkpoint_digest(folder)
    return {"vectors": len(vectors)}


def no_rows(material: Material, config: MergeConfig) -> pa.Table:
    """Return no rows: merging reads none."""
    return pa.table({"id": pa.array([], pa.string())})


def names(config: MergeConfig) -> list[str]:
    """Return the checkpoints that the task vectors name."""
    return list(dict.fromkeys(name for vector in config.vectors for name in (vector.model, vector.base) if name))


def run_merge(job: Job, progress: Progress) -> StageResult:
    """Do a job of merging."""
    config = read_config(MergeConfig, job.options, job.name or "merge")
    return merge(job.parent, vectors_of(job, config), job.out, config)


MERGE = Stage(
    "merge",
    summary="an adapter merged into its base, and task vectors added or taken away; nothing is trained",
    config=MergeConfig,
    rows=no_rows,
    check=check_merge,
    run=run_merge,
    reads=False,
    models=names,
)

if __name__ == "__main__":
    main(MERGE.name, MERGE.run, MERGE.check)
