"""Two checkpoints side by side, from the answers that the lake holds."""

from typing import Any

from storage.errors import CheckpointError
from storage.lake.lake import Lake
from storage.models.evaluations import answers_of, common_sets
from train_stages.promotion.promote import compare


def compare_checkpoints(lake: Lake, incumbent: str, candidate: str) -> list[dict[str, Any]]:
    """Compare two checkpoints on every set that both have answered: all items, then each task and tier.

    Raises:
        CheckpointError: They have answered no set in common.
    """
    versions = common_sets(lake, incumbent, candidate)
    if not versions:
        raise CheckpointError(
            f"{incumbent[:12]} and {candidate[:12]} have answered no set in common; run `nightschool evaluate` for both"
        )
    rows = []
    for version in versions:
        decision = compare(answers_of(lake, incumbent, version), answers_of(lake, candidate, version))
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
