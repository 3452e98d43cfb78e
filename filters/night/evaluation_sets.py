"""What every judgement of rows starts from: the benchmarks, and the lake's own problems that nothing may be trained on."""

from filters.base import Context
from filters.benchmarks import BenchmarkManifest
from storage.lake.lake import Lake
from storage.lake.nights import problem_rows
from synth.sample import problem_of


def evaluation_context(lake: Lake, manifest: BenchmarkManifest | None) -> Context:
    """Return a context that knows what rows must not hold, and nothing of a night; take it further with `dataclasses.replace`.

    Args:
        lake: Its problems of the splits `heldout` and `validation` count.
        manifest: Benchmarks; None looks for none.
    """
    problems = [problem_of(row) for row in problem_rows(lake, splits=["heldout", "validation"])]
    return Context(
        manifest=manifest,
        heldout=frozenset(problem.structure_id for problem in problems),
        heldout_prompts=frozenset(problem.prompt for problem in problems),
    )
