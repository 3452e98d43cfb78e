"""A recipe's `experiment`, on a release of the workspace: one small model per arm, compared."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flows.night.exam import make_examiner
from flows.night.night import Night, code_version
from flows.recipe.train import TrainSpec
from storage.errors import RecipeError
from storage.ids import digest
from storage.releases.reading import get_release
from synth.night.draw import hold_out, vocabulary_texts
from train_stages.experiment.run import Experiment
from train_stages.experiment.table import plot
from train_stages.models.base import make_base


def run_experiment(night: Night) -> dict[str, Any]:
    """Run or finish the experiment of a recipe, and return its table.

    Raises:
        RecipeError: The recipe has none, or a condition selects nothing.
        LakeError: There is no such release.
        TrainingError: There are no held-out problems.
    """
    recipe = night.recipe
    if recipe.experiment is None:
        raise RecipeError(f"recipe {recipe.name} has no `experiment`; it names the arms, the release and the tokens")
    for draw in night.draws:
        hold_out(night.lake, draw, night=night.id, seed=recipe.problems.seed)
    examiner = make_examiner(night, recipe.train or TrainSpec())
    folder = night.workspace.folder(
        "experiments", f"{recipe.name}-{digest(recipe.experiment.model_dump(mode='json'), length=8)}"
    )
    texts = list(vocabulary_texts(night.draws, night.prompts))

    def base(seed: int) -> Path:
        checkpoint_made = make_base(
            night.lake,
            checkpoint=recipe.checkpoint(recipe.base.checkpoint) if recipe.base.checkpoint else None,
            texts=texts,
            options={**recipe.base.tiny, "seed": seed},
            night=f"experiment/{recipe.name}",
            code_version=code_version(),
            template=recipe.base.template,
        )
        return checkpoint_made.path

    experiment = Experiment(
        recipe.experiment,
        get_release(night.lake, recipe.experiment.release),
        examiner.held_out("validation"),
        base,
        folder,
        examiner.messages,
        night.progress.say,
    )
    table = experiment.run()
    plot(table, folder / "plot.svg")
    return {"folder": night.workspace.relative(folder), **table}


def shown(table: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Turn the table into rows for a terminal."""

    def interval(value: list[float] | None) -> str:
        return "" if value is None else f"{value[0]:.3f} [{value[1]:.3f}, {value[2]:.3f}]"

    first = table["arms"][0]["arm"]
    return [
        {
            "arm": line["arm"],
            "rows": line["rows"],
            "tokens": line["tokens"],
            "greedy": interval(line["greedy"]),
            "sampled": interval(line.get("sampled")),
            f"greedy minus {first}": interval(line[f"greedy_minus_{first}"]),
            "seeds": ", ".join(f"{value:.3f}" for value in line["greedy_by_seed"]),
            **{f"{task}, greedy": interval(of_task["greedy"]) for task, of_task in line.get("tasks", {}).items()},
        }
        for line in table["arms"]
    ]
