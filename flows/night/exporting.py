"""Releases as packages for other trainers, asked as a recipe asks."""

from pathlib import Path

from flows.recipe.recipe import load_recipe
from storage.releases.reading import Release
from synth.answers.format import FORMATS
from synth.calls.prompting import Prompts
from synth.exports.verifiers import export_verifiers


def export_package(release: Release, target: Path, recipe: Path | None) -> int:
    """Write a release as a package for verifiers, and return how many problems it has.

    Args:
        release: The release.
        target: Folder to write; it must not exist.
        recipe: Whose prompt `solve` and form of answers are used; None takes the default ones.

    Raises:
        RecipeError: The recipe cannot be read, or the folder exists.
        LakeError: No problem has a gold answer.
    """
    if recipe is None:
        return export_verifiers(release, target, Prompts())
    loaded = load_recipe(recipe, [])
    return export_verifiers(
        release, target, Prompts(loaded.prompts, path=loaded.path, form=FORMATS[loaded.answer_format])
    )
