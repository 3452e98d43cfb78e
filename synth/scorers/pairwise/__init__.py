"""A judge of pairs: the role `grader` compares each two candidates in both orders.

A verdict counts when both orders name the same candidate; when the order decided, each has half. So a judge that always names the
first gives everyone the same score.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from synth.calls.models import Models
from synth.calls.together import readable
from synth.problems.base import Problem
from synth.scorers.base import Candidate, Score, Scorer, by_own_family, scorer

CRITERION = "Which solution is right? When both are, or neither is: whose steps are more nearly right, and clearer?"
MAX_TOKENS = 512


class Verdict(BaseModel):
    """What the grader replies."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(description="why, in one or two sentences")
    better: Literal["A", "B"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was said about two candidates in one order.

    Attributes:
        first: Number of the candidate that was shown as A.
        second: Number of the one that was shown as B.
        better: Number of the one that was named; None where the verdict cannot be read.
        call_id: The call; None where it cannot be read.
        model: Identity of the model that judged.
    """

    first: int
    second: int
    better: int | None
    call_id: str | None
    model: str | None


async def compare(
    candidates: Sequence[Candidate],
    pairs: Sequence[tuple[int, int]],
    models: Models,
    *,
    criterion: str = CRITERION,
    role: str = "grader",
) -> list[Comparison]:
    """Compare candidates, each pair in the order given: the first is shown as A.

    Args:
        candidates: The candidates.
        pairs: Numbers of two of them each.
        models: Whose `role` judges.
        criterion: The question.
        role: Who judges.
    """
    replies = await readable(
        getattr(models, role)(
            "scorers/pairwise/compare",
            first=candidates[first].text,
            second=candidates[second].text,
            criterion=criterion,
            schema=Verdict,
            max_tokens=MAX_TOKENS,
        )
        for first, second in pairs
    )
    return [
        Comparison(first, second, None, None, None)
        if reply is None
        else Comparison(first, second, first if reply.value.better == "A" else second, reply.call_id, reply.model)
        for (first, second), reply in zip(pairs, replies, strict=True)
    ]


def both_orders(count: int) -> list[tuple[int, int]]:
    """Return every two of so many candidates in both orders."""
    return list(permutations(range(count), 2))


def win_rates(count: int, comparisons: Sequence[Comparison]) -> list[float | None]:
    """Return the mean of each candidate's results: 1 and 0 where both orders agree, one half each where they do not.

    A pair of which a verdict cannot be read is left out; None where nothing is left.
    """
    verdicts = {(item.first, item.second): item.better for item in comparisons}
    results: list[list[float]] = [[] for _ in range(count)]
    for one, other in both_orders(count):
        named = {verdicts.get((one, other)), verdicts.get((other, one))}
        if None not in named:
            results[one].append(0.5 if len(named) == 2 else float(named == {one}))
    return [sum(values) / len(values) if values else None for values in results]


@scorer(
    "pairwise",
    version="1",
    roles=("grader",),
    calls=lambda count: count * (count - 1),
    rereads=lambda count: 2,
    judges=True,
)
async def pairwise(problem: Problem, candidates: Sequence[Candidate], models: Models) -> list[Score]:
    """The share of comparisons with each other candidate, in both orders, that it wins by the role `grader`."""
    return await _scores(candidates, models, CRITERION)


def by_criterion(criterion: str) -> Scorer:
    """Return the judge of pairs that asks another question."""

    async def rate(problem: Problem, candidates: Sequence[Candidate], models: Models) -> list[Score]:
        return await _scores(candidates, models, criterion)

    return replace(pairwise, rate=rate)


async def _scores(candidates: Sequence[Candidate], models: Models, criterion: str) -> list[Score]:
    comparisons = await compare(candidates, both_orders(len(candidates)), models, criterion=criterion)
    scores = []
    for number, rate in enumerate(win_rates(len(candidates), comparisons)):
        own = [item for item in comparisons if number in (item.first, item.second) and item.call_id and item.model]
        if rate is None:
            scores.append(Score(None, "unreadable" if len(candidates) > 1 else "no_other"))
            continue
        calls = tuple(dict.fromkeys(item.call_id for item in own if item.call_id))
        judge = own[0].model or ""
        family = "own_family" if by_own_family(models, "grader", judge, candidates[number]) else None
        scores.append(Score(rate, family, calls, judge))
    return scores
