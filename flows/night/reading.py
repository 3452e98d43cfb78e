"""Reads for a training what its plan names, as the recipe means it."""

from functools import cache

from filters.night.benchmark_screening import Screening
from flows.night.exam import student_profile
from flows.night.night import Night
from storage.releases.reading import Release
from synth.problems.base import Problem
from train_stages.plan.reading import Reader


def make_reader(night: Night, release: Release) -> Reader:
    """Make the reader of a night's training."""
    profile = student_profile(night)

    def messages(problem: Problem) -> list[dict[str, str]]:
        return list(profile.frame(tuple(night.prompts.messages("solve", {"problem": problem}))))

    @cache
    def screening() -> Screening:
        return Screening(night.lake, night.benchmarks, night.recipe.filters.get("decontamination"))

    return Reader(night.lake, release, messages, screening, night.recipe.path)
