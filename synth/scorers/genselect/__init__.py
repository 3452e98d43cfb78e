"""Generative selection: one model reads all candidates and names the best (GenSelect, arXiv:2504.16891).

The candidates are shown without their thoughts (the paper shows summaries), in an order drawn by the problem, so that
the first sampled is not always shown first.
"""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from storage.ids import seed_from
from synth.calls.models import Models
from synth.calls.together import readable
from synth.problems.base import Problem
from synth.scorers.base import Candidate, Score, by_own_family, scorer

MAX_TOKENS = 1024


class Selected(BaseModel):
    """What the grader replies."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(description="the comparison, in a few sentences")
    best: int = Field(ge=1, description="number of the best solution")


@scorer(
    "genselect",
    version="1",
    roles=("grader",),
    calls=lambda count: 1,
    rereads=lambda count: count,
    judges=True,
)
async def genselect(problem: Problem, candidates: Sequence[Candidate], models: Models) -> list[Score]:
    """1 for the candidate that the role `grader` names when it reads all of them, 0 for the others."""
    if not candidates:
        return []
    order = sorted(
        range(len(candidates)), key=lambda number: seed_from("genselect", problem.id, candidates[number].call_id)
    )
    shown = [candidates[number].text for number in order]
    (reply,) = await readable(
        [models.grader("scorers/genselect/select", answers=shown, schema=Selected, max_tokens=MAX_TOKENS)]
    )
    if reply is None or reply.value.best > len(candidates):
        return [Score(None, "unreadable") for _ in candidates]
    best = order[reply.value.best - 1]
    return [
        Score(
            float(number == best),
            "own_family" if by_own_family(models, "grader", reply.model, candidate) else None,
            (reply.call_id,),
            reply.model,
        )
        for number, candidate in enumerate(candidates)
    ]
