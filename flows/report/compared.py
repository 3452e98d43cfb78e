"""Two checkpoints side by side, from the answers that the lake holds."""

from typing import Any

from storage.errors import CheckpointError
from storage.lake.lake import Lake
from storage.models.evaluations import answers_of, common_sets
from train_stages.promotion.promote import compare
from train_stages.promotion.rejudging import judged_today_in


def compare_checkpoints(lake: Lake, incumbent: str, candidate: str) -> list[dict[str, Any]]:
    """Compare two checkpoints on every set that both have answered: all items, then each task and tier, by today's judge.

    Raises:
        CheckpointError: They have answered no set in common.
        TrainingError: What another judge decided cannot be judged again.
    """
    versions = common_sets(lake, incumbent, candidate)
    if not versions:
        raise CheckpointError(
            f"{incumbent[:12]} and {candidate[:12]} have answered no set in common; run `nightschool evaluate` for both"
        )
    rows = []
    for version in versions:
        decision = compare(*(judged_today_in(lake, answers_of(lake, each, version)) for each in (incumbent, candidate)))
        for part in (decision.overall, *decision.groups):
            rows.append(
                {
                    "set": version,
                    "group": part.name,
                    "items": part.test.n,
                    "before": str(part.incumbent),
                    "after": str(part.candidate),
                    "gained": part.test.gained,
                    "lost": part.test.lost,
                    "p": part.test.p,
                }
            )
    return rows
