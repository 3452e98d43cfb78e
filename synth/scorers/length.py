"""How long a candidate is."""

from collections.abc import Sequence

from synth.calls.models import Models
from synth.problems.base import Problem
from synth.scorers.base import Candidate, Score, scorer


@scorer("length", version="2")
async def length(problem: Problem, candidates: Sequence[Candidate], models: Models) -> list[Score]:
    """Words, separated by white space, thoughts included; no model is asked."""
    return [Score(float(len(f"{candidate.thoughts} {candidate.text}".split()))) for candidate in candidates]
