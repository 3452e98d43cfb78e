"""Meta-rewarding (arXiv:2407.19594): a model answers, judges its answers, and judges its judgements.

The student answers several times and the grader adds up points for each answer, many times. The pair of the *actor* is controlled
for length: of the answers nearly as good as the best the shortest, against the longest of those nearly as bad as the worst. For
the pair of the *judge*, of the answer whose points vary most, the grader compares each two of its own judgements in both orders;
how often a place wins by itself is weighed out, Elo ratings are fitted, and the best judgement stands against the worst.

The grader is calibrated before its points decide (`synth.scorers.calibration`). Whether the better judgement is closer to the
truth is known to the checker alone and says whether that pair is accepted (`judgement` in its notes): watch it, and the length.

    select attrs->>'set' as pair, avg((outcome = 'accepted')::int) as right, count(*) from samples join decisions using (sample_id)
    where method = 'meta_rewarding' and kind = 'preference' group by all

A night is a round: the student is the promoted model, and the training between is the plan of
`recipes/methods/self_rewarding.yaml`. In the paper's later rounds no judgements are learned (`judge_pairs: false`).
"""

import math
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from statistics import pvariance
from typing import ClassVar

from pydantic import Field

from synth.answers.outcome import Outcome
from synth.calls.ask import Reply
from synth.calls.models import Models
from synth.calls.together import readable
from synth.methods.base import method, whole
from synth.methods.calibrating import Calibration, calibration
from synth.methods.choosing import select
from synth.methods.selection import SamplingParams, Selection
from synth.notes import Judgement, PreferenceNotes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.sample import Sample
from synth.scorers import Candidate, Score, get_scorer
from synth.scorers.base import by_own_family
from synth.scorers.pairwise import Verdict
from synth.scorers.rubric import MAX_TOKENS, Grade

RUBRIC = "scorers/rubric/additive"
STEPS = 200
"""Steps in which the ratings are fitted."""
TINY = 1e-9


class MetaRewardingParams(SamplingParams):
    """Parameters of `meta_rewarding`."""

    essential: ClassVar[Mapping[str, float]] = {"temperature": 0.8, "top_p": 0.95}
    """Of each answer and judgement (the paper)."""

    samples: int = Field(7, ge=2, le=64, description="Answers per problem (the paper).")
    judgements: int = Field(11, ge=2, le=32, description="Judgements of each answer, whose mean counts (the paper).")
    rho: float = Field(0.3, ge=0, le=1, description="Share ρ of length control; the paper tunes it, so this is ours.")
    judge_pairs: bool = Field(True, description="Make pairs of judgements; the paper does in its first two rounds.")
    max_tokens: int = Field(1024, ge=1, description="Upper bound on each answer; ours.")

    @property
    def selection(self) -> Selection:
        """What these parameters bind."""
        return Selection(
            chooser="length_controlled",
            emit="pair",
            role="student",
            by="rubric",
            share=self.rho,
            scorers=("answer", "length"),
        )


def _calls(params: MetaRewardingParams) -> dict[str, int]:
    judged = 0 if params.control else params.samples * params.judgements
    compared = params.judgements * (params.judgements - 1) if params.judge_pairs and not params.control else 0
    return {"student": params.samples, "grader": judged + compared}


@method(
    "meta_rewarding",
    paper="arXiv:2407.19594",
    makes=("preference", "sft"),
    roles=("student", "grader"),
    params=MetaRewardingParams,
    calls=_calls,
    rereads=lambda params: 3,
    uses=lambda params: params.selection.uses(params),
    prepare=calibration(),
)
async def meta_rewarding(
    problem: Problem, models: Models, params: MetaRewardingParams, calibration: Calibration
) -> AsyncIterator[Sample]:
    """The student answers, the grader adds up points many times and compares its judgements; both make pairs."""
    graded: list[tuple[Candidate, list[Reply]]] = []

    async def rate(problem: Problem, candidates: Sequence[Candidate], models: Models) -> list[Score]:
        graded.extend(await _graded(candidates, models, params.judgements))
        return [_mean(models, candidate, replies) for candidate, replies in graded]

    many = replace(get_scorer("rubric"), rate=rate, version=f"{get_scorer('rubric').version}.{params.judgements}")
    async for sample in select(problem, models, params, params.selection, calibration, {"rubric": many}):
        yield sample
    judged_often = [(candidate, replies) for candidate, replies in graded if len(replies) > 1]
    if not params.judge_pairs or not judged_often:
        return
    candidate, replies = max(judged_often, key=lambda judged: pvariance(reply.value.score for reply in judged[1]))
    pair = await _judge_pair(problem, models, params, candidate, replies)
    if pair is not None:
        yield pair


async def _graded(
    candidates: Sequence[Candidate], models: Models, judgements: int
) -> list[tuple[Candidate, list[Reply]]]:
    """Ask for so many judgements of each candidate; those that cannot be read are left out."""
    replies = await readable(
        models.grader(
            RUBRIC,
            answer=candidate.text,
            schema=Grade,
            essential=MetaRewardingParams.essential,
            max_tokens=MAX_TOKENS,
            sample=number,
        )
        for candidate in candidates
        for number in range(judgements)
    )
    return [
        (candidate, [reply for reply in replies[place * judgements :][:judgements] if reply is not None])
        for place, candidate in enumerate(candidates)
    ]


def _mean(models: Models, candidate: Candidate, replies: Sequence[Reply]) -> Score:
    if not replies:
        return Score(None, "unreadable")
    mean = sum(reply.value.score for reply in replies) / len(replies)
    family = "own_family" if by_own_family(models, "grader", replies[0].model, candidate) else None
    return Score(mean, family, tuple(dict.fromkeys(reply.call_id for reply in replies)), replies[0].model)


async def _judge_pair(
    problem: Problem, models: Models, params: MetaRewardingParams, candidate: Candidate, replies: Sequence[Reply]
) -> Sample | None:
    """The judgement with the highest rating against the one with the lowest; None where no rating is above another."""
    count = len(replies)
    orders = [(i, j) for i in range(count) for j in range(count) if i != j]
    verdicts = await readable(
        models.grader(
            "meta",
            answer=candidate.text,
            first=replies[i].text,
            second=replies[j].text,
            schema=Verdict,
            max_tokens=MAX_TOKENS,
        )
        for i, j in orders
    )
    firsts = {
        order: verdict.value.better == "A"
        for order, verdict in zip(orders, verdicts, strict=True)
        if verdict is not None
    }
    if not firsts:
        return None
    ratings = elo(count, firsts)
    best, worst = max(range(count), key=lambda n: (ratings[n], -n)), min(range(count), key=lambda n: (ratings[n], n))
    if ratings[best] - ratings[worst] < TINY or replies[best].value.score == replies[worst].value.score:
        return None
    outcome = get_task(problem.task).check(problem, candidate.text).outcome
    higher = replies[best].value.score > replies[worst].value.score
    agrees = None if outcome is Outcome.UNVERIFIABLE else higher == (outcome is Outcome.CORRECT)
    compared = [verdict.call_id for verdict in verdicts if verdict is not None]
    return Sample(
        kind="preference",
        messages=models.messages(RUBRIC, answer=candidate.text),
        response=whole(replies[best]),
        rejected=whole(replies[worst]),
        attrs={
            "set": "judge",
            "elo": [round(rating, 2) for rating in ratings],
            "scores": [reply.value.score for reply in replies],
            "first_wins": round(sum(firsts.values()) / len(firsts), 4),
        },
        notes=PreferenceNotes(judgement=Judgement(agrees=agrees, alone=True), complete=replies[best].complete),
        parents=[*dict.fromkeys([candidate.call_id, *compared, replies[worst].call_id, replies[best].call_id])],
    )


def elo(count: int, firsts: dict[tuple[int, int], bool]) -> list[float]:
    """Return the Elo ratings of judgements, their mean 1000.

    A win in the place that wins more often is worth less: its wins are weighed by the share of the other's (the paper's ω).
    The ratings maximise the likelihood of the weighed wins, with one tenth of a win of each over each so that they stay finite.

    Args:
        count: Judgements.
        firsts: By (shown first, shown second) whether the first was named.
    """
    won_first = sum(firsts.values())
    won_second = len(firsts) - won_first
    weights = (won_second / len(firsts), won_first / len(firsts))
    wins = [[0.0 if i == j else 0.1 for j in range(count)] for i in range(count)]
    for (i, j), first in firsts.items():
        if first:
            wins[i][j] += weights[0]
        else:
            wins[j][i] += weights[1]
    strength = [1.0] * count
    for _ in range(STEPS):  # minorisation and maximisation for the model of Bradley and Terry
        strength = [
            sum(wins[i]) / sum((wins[i][j] + wins[j][i]) / (strength[i] + strength[j]) for j in range(count) if j != i)
            for i in range(count)
        ]
        middle = math.exp(sum(map(math.log, strength)) / count)
        strength = [value / middle for value in strength]
    return [1000 + 400 * math.log10(value) for value in strength]
