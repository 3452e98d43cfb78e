"""A checkpoint on a recipe's held-out problems and benchmarks, outside of a training."""

from pathlib import Path
from typing import Any

from flows.night.exam import make_examiner, read_benchmark
from flows.night.night import Night
from flows.recipe.train import TrainSpec
from storage.errors import RecipeError, TrainingError
from storage.models.checkpoints import Checkpoint, checkpoint_digest, find_checkpoint
from storage.models.registry import resolve
from synth.night.draw import hold_out
from train_stages.promotion.evaluate import Evaluation

SPLITS = ("validation", "heldout")


def evaluate_checkpoint(night: Night, name: str, split: str) -> list[dict[str, Any]]:
    """Evaluate a checkpoint on a split of the recipe's problems and on its benchmarks, a row per task and tier.

    Args:
        night: The recipe at work.
        name: A registered checkpoint, or a Hugging Face folder.
        split: `validation` or `heldout`.

    Raises:
        RecipeError: There is no such split.
        CheckpointError: There is no such checkpoint.
        TrainingError: There is nothing to evaluate on.
    """
    if split not in SPLITS:
        raise RecipeError(f"split {split!r}: choose {' or '.join(SPLITS)}")
    spec = night.recipe.train or TrainSpec()
    examiner = make_examiner(night, spec)
    folder = Path(name)
    checkpoint = Checkpoint(checkpoint_digest(folder), folder, "given") if folder.is_dir() else find_checkpoint(
        night.lake, resolve(night.lake, name)
    )  # fmt: skip
    for draw in night.draws:
        hold_out(night.lake, draw, night=night.id, seed=night.recipe.problems.seed)
    sets = {source.name: read_benchmark(night, source) for source in spec.evaluate.benchmarks}
    drawn = any(source.heldout if split == "heldout" else source.validation for source in night.recipe.problems.sources)
    if drawn:
        sets = {split: examiner.held_out(split), **sets}
    if not sets:
        raise TrainingError(
            f"there is nothing to evaluate on; give a source `{split}: 100`, or name train.evaluate.benchmarks"
        )
    rows = []
    for label, problems in sets.items():
        with night.progress.stage(f"evaluation on {label}"):
            rows += _rows(label, examiner.evaluate(checkpoint, problems))
    return rows


def _rows(label: str, evaluation: Evaluation) -> list[dict[str, Any]]:
    return [
        {
            "set": label,
            "task": score.task,
            "tier": score.tier,
            "items": score.problems,
            "greedy": str(score.greedy),
            "sampled": f"avg@{score.samples} {score.average}" if score.average else None,
            "pass": ", ".join(f"pass@{k} {value}" for k, value in score.pass_at),
        }
        for score in evaluation.scores
    ]
