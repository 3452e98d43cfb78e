"""Loss and reward curves: what a trainer logged while it made a checkpoint."""

from collections.abc import Mapping, Sequence

from storage.lake.lake import Lake, table_of
from storage.models.checkpoints import Checkpoint

_PLACE = {"step", "epoch"}


def record_curves(
    lake: Lake, checkpoint: Checkpoint, history: Sequence[Mapping[str, float]], *, night: str | None
) -> None:
    """Enter the log of a training into the lake, once per checkpoint: a row for each step and metric.

    Args:
        lake: The lake.
        checkpoint: What was trained.
        history: The trainer's log; entries without a step are left out.
        night: Night it belongs to.
    """
    rows = [
        {
            "checkpoint_id": checkpoint.id,
            "stage": checkpoint.stage,
            "step": int(entry["step"]),
            "metric": metric,
            "value": float(value),
        }
        for entry in history
        if "step" in entry
        for metric, value in entry.items()
        if metric not in _PLACE
    ]
    if rows:
        lake.commit(f"curves:{checkpoint.id}", "curves", {"curves": table_of("curves", rows)}, night=night)


def read_curves(lake: Lake, checkpoint_id: str) -> dict[str, list[tuple[int, float]]]:
    """Return what was logged of a checkpoint's training: step and value by metric."""
    by_metric: dict[str, list[tuple[int, float]]] = {}
    for row in lake.rows(
        "select distinct metric, step, value from curves where checkpoint_id = ? order by metric, step", [checkpoint_id]
    ):
        by_metric.setdefault(row["metric"], []).append((row["step"], row["value"]))
    return by_metric
