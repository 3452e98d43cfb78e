"""A rubric of five points that are added up, as self-rewarding language models use it (arXiv:2401.10020).

The role `grader` judges each candidate several times and sees no gold answer. It is calibrated before its scores decide anything.
"""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from synth.calls.models import Models
from synth.calls.together import readable
from synth.problems.base import Problem
from synth.scorers.base import Candidate, Score, by_own_family, scorer

JUDGEMENTS = 3
"""Judgements of each candidate, whose mean counts (arXiv:2401.10020)."""
MAX_TOKENS = 512


class Grade(BaseModel):
    """What the grader replies."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(description="why, in one or two sentences")
    score: int = Field(ge=0, le=5, description="points, 0 to 5")


@scorer("rubric", version="1", roles=("grader",), calls=lambda count: JUDGEMENTS * count, judges=True)
async def rubric(problem: Problem, candidates: Sequence[Candidate], models: Models) -> list[Score]:
    """The mean of the points, 0 to 5, that the role `grader` gives in three judgements; none where none can be read."""
    replies = await readable(
        models.grader(
            "scorers/rubric/additive",
            answer=candidate.text,
            schema=Grade,
            essential={"temperature": 0.7, "top_p": 0.9},
            max_tokens=MAX_TOKENS,
            sample=number,
        )
        for candidate in candidates
        for number in range(JUDGEMENTS)
    )
    scores = []
    for position, candidate in enumerate(candidates):
        own = [reply for reply in replies[position * JUDGEMENTS : (position + 1) * JUDGEMENTS] if reply is not None]
        if not own:
            scores.append(Score(None, "unreadable"))
            continue
        mean = sum(reply.value.score for reply in own) / len(own)
        calls = tuple(dict.fromkeys(reply.call_id for reply in own))
        family = "own_family" if by_own_family(models, "grader", own[0].model, candidate) else None
        scores.append(Score(mean, family, calls, own[0].model))
    return scores
