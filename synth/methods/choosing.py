"""What methods of several candidates share: they sample, let scorers score, let a chooser choose, and write the rows.

    PAIR = Selection(chooser="shortest_and_longest", emit="pair", margin=0.1)

    @method("overthinking", ..., calls=PAIR.calls, uses=PAIR.uses, prepare=calibration(PAIR))
    async def overthinking(problem, models, params, calibration):
        async for sample in select(problem, models, params, PAIR, calibration):
            yield sample

Every candidate is a row, so that its scores can be queried (the view `scores`): those that are learned from as they are, the others
rejected as `not_chosen`. A judge among the scorers that decide is calibrated first, once a night (`synth.scorers.calibration`).
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from pydantic import Field

from storage.ids import seed_from
from synth.answers.outcome import Outcome
from synth.calls.ask import Reply
from synth.calls.models import Models
from synth.calls.together import at_once, together
from synth.choosers import Choice, Chooser, Choosing, get_chooser
from synth.choosers.base import Scores
from synth.methods.base import Artefact, Params, Preparation, whole
from synth.notes import Label, PreferenceNotes, SftNotes, StepwiseNotes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.sample import Kind, Sample
from synth.scorers import Candidate, Scorer, get_scorer, score_of
from synth.scorers.calibration import JudgeQuality, KnownPair, calibrate, most_calls

Emit = Literal["sft", "pair", "relabel", "stepwise"]
MAKES: Mapping[Emit, tuple[Kind, ...]] = {
    "sft": ("sft",),
    "pair": ("preference", "sft"),
    "relabel": ("sft",),
    "stepwise": ("stepwise", "sft"),
}
"""Kinds of rows; the candidates themselves are `sft` rows."""
PAIRS = 40
"""Known pairs on which a judge is calibrated, at most; ours."""
PROBLEMS = 3 * PAIRS
"""Problems that are looked at for them, at most; ours."""


class SamplingParams(Params):
    """What every method of several candidates lets a recipe say."""

    samples: int = Field(8, ge=1, le=128, description="Candidates per problem; ours.")
    temperature: float = Field(0.7, ge=0, description="Of each candidate; ours.")
    max_tokens: int = Field(1024, ge=1, description="Upper bound on each candidate; ours.")
    seed: int = Field(0, ge=0, description="Of choosers that draw; another seed draws otherwise.")
    control: bool = Field(
        False, description="Choose by lot instead: the arm that the method has to beat. No judge is asked."
    )


@dataclass(frozen=True)
class Selection:
    """What a method of several candidates binds.

    Attributes:
        chooser: Name of the chooser.
        emit: What is made of its choice: a row of each that is taken (`sft`), a `pair`, a row that says `label` where none is
            taken (`relabel`), the steps with their labels by rule (`stepwise`).
        role: Who answers.
        also: Further roles that answer as often.
        prompt: Prompt of the candidates.
        by: Scorer that ranks, for choosers that rank.
        margin: See `synth.choosers.Choosing`.
        share: Likewise.
        scorers: Scores that are kept besides those that decide.
        label: What a row says where no candidate is taken, for `relabel`.
        top_p: Nucleus share; None lets role and model decide.
    """

    chooser: str
    emit: Emit = "sft"
    role: str = "teacher"
    also: tuple[str, ...] = ()
    prompt: str = "solve"
    by: str = ""
    margin: float = 0.0
    share: float = 0.0
    scorers: tuple[str, ...] = ()
    label: str = ""
    top_p: float | None = None

    def chosen_by(self, params: SamplingParams) -> Chooser:
        """Return the chooser, or its control."""
        chooser = get_chooser(self.chooser)
        return get_chooser(chooser.control) if params.control else chooser

    def deciding(self, params: SamplingParams) -> list[Scorer]:
        """Return the scorers whose values the choice depends on."""
        chooser = self.chosen_by(params)
        names = {*chooser.needs, *((self.by,) if chooser.ranks and self.by else ())}
        return [get_scorer(name) for name in sorted(names)]

    def kept(self, params: SamplingParams) -> list[Scorer]:
        """Return every scorer that is asked, by name."""
        deciding = {scorer.name: scorer for scorer in self.deciding(params)}
        asked = [get_scorer(name) for name in self.scorers]
        extra = {scorer.name: scorer for scorer in asked if not (params.control and scorer.judges)}
        return [scorer for _, scorer in sorted((deciding | extra).items())]

    def judges(self, params: SamplingParams) -> list[Scorer]:
        """Return those of the deciding scorers whose values are a model's opinion."""
        return [scorer for scorer in self.deciding(params) if scorer.judges]

    def calls(self, params: SamplingParams) -> dict[str, int]:
        """Return the calls of an attempt by role, at most."""
        calls = Counter({role: params.samples for role in (self.role, *self.also)})
        for scorer in self.kept(params):
            calls.update(dict.fromkeys(scorer.roles, scorer.calls(params.samples * (1 + len(self.also)))))
        return dict(calls)

    def rereads(self, params: SamplingParams) -> int:
        """Return how many candidates one prompt may hold, at most."""
        return max((scorer.rereads(params.samples * (1 + len(self.also))) for scorer in self.kept(params)), default=1)

    def uses(self, params: SamplingParams) -> tuple[object, ...]:
        """Return the parts that rows depend on."""
        return (self.chosen_by(params), *self.kept(params))


class Calibration(Artefact):
    """What was measured of the judges that decide, empty where none does."""

    judges: tuple[JudgeQuality, ...] = ()

    @property
    def fault(self) -> str | None:
        """Why one of them may not decide; None where all may."""
        return next((judge.fault for judge in self.judges if judge.fault), None)


async def sampled(models: Models, params: SamplingParams, selection: Selection) -> list[tuple[Candidate, Reply]]:
    """Ask for the candidates of one problem; the same whenever it is asked."""
    roles = (selection.role, *selection.also)
    replies = await together(
        getattr(models, role)(
            selection.prompt,
            temperature=params.temperature,
            top_p=selection.top_p,
            max_tokens=params.max_tokens,
            sample=number,
        )
        for role in roles
        for number in range(params.samples)
    )
    names = [role for role in roles for _ in range(params.samples)]
    return [
        (
            Candidate(
                reply.text,
                reply.call_id,
                reply.complete,
                reply.completion_tokens,
                reply.reasoning,
                role,
                reply.model,
            ),
            reply,
        )
        for role, reply in zip(names, replies, strict=True)
    ]


async def calibrated(
    problems: Sequence[Problem], models: Models, params: SamplingParams, selection: Selection
) -> Calibration:
    """Measure the judges that decide: on answers that people told apart, where there are any, then on those of the night's own
    problems whose truth the checker knows.
    """
    judges = selection.judges(params)
    if not judges:
        return Calibration()
    ordered = sorted(problems, key=lambda problem: seed_from("calibration", problem.id))
    looked_at = await at_once(_known_pair(problem, models, params, selection) for problem in ordered[:PROBLEMS])
    most = min(len(problems), PAIRS)
    by_people = [KnownPair.by_people(pair) for pair in models.reviewed[:most]]
    pairs = [*by_people, *(pair for pair in looked_at if pair is not None)][:most]
    measured = [await calibrate(judge, pairs, models, by_people=len(by_people)) for judge in judges]
    return Calibration(judges=tuple(measured))


async def _known_pair(
    problem: Problem, models: Models, params: SamplingParams, selection: Selection
) -> KnownPair | None:
    """The first right and the first wrong candidate for a problem; these calls are found again by its attempt."""
    task = get_task(problem.task)
    candidates = [candidate for candidate, _ in await sampled(models.about(problem), params, selection)]
    outcomes = [task.check(problem, candidate.text).outcome for candidate in candidates]
    if not {Outcome.CORRECT, Outcome.WRONG} <= set(outcomes):
        return None
    return KnownPair(problem, candidates[outcomes.index(Outcome.CORRECT)], candidates[outcomes.index(Outcome.WRONG)])


def calibration(selection: Selection | None = None) -> Preparation:
    """Return the preparation of a method of several candidates; without a selection its parameters say which."""

    def of(params: Any) -> Selection:
        return params.selection if selection is None else selection

    async def collect(problems: Sequence[Problem], models: Models, params: Any) -> Calibration:
        """Measure the judges that decide, on pairs of answers that the checker knows."""
        return await calibrated(problems, models, params, of(params))

    def calls(params: Any, problems: int) -> dict[str, int]:
        counted: Counter[str] = Counter()
        for judge in of(params).judges(params):
            counted.update(dict.fromkeys(judge.roles, most_calls(judge, min(problems, PAIRS))))
        return dict(counted)

    return Preparation(collect, Calibration, calls)


async def select(
    problem: Problem,
    models: Models,
    params: SamplingParams,
    selection: Selection,
    calibration: Calibration,
    scorers_instead: Mapping[str, Scorer] = MappingProxyType({}),
) -> AsyncIterator[Sample]:
    """Sample, score, choose, and yield a row per candidate and what is made of the choice.

    Args:
        problem: What it is about.
        models: Who answers and judges.
        params: The method's parameters.
        selection: What it binds.
        calibration: What was measured of its judges.
        scorers_instead: Scorers that are asked in the place of those of the name: the same judge with another question.
    """
    answered = await sampled(models, params, selection)
    candidates = [candidate for candidate, _ in answered]
    asked = [scorers_instead.get(scorer.name, scorer) for scorer in selection.kept(params)]
    scorers = [scorer for scorer in asked if calibration.fault is None or not scorer.judges]
    scores = {scorer.name: await scorer(problem, candidates, models) for scorer in scorers}
    choice = Choice()
    if calibration.fault is None:
        told = Choosing(seed_from("choose", problem.id, params.seed), selection.by, selection.margin, selection.share)
        choice = selection.chosen_by(params)(candidates, scores, told)
    rows = _Rows(problem, models, params, selection, answered, scorers, scores, choice, calibration.fault)
    for sample in rows.all():
        yield sample


@dataclass(frozen=True)
class _Rows:
    """The rows of one attempt."""

    problem: Problem
    models: Models
    params: SamplingParams
    selection: Selection
    answered: Sequence[tuple[Candidate, Reply]]
    scorers: Sequence[Scorer]
    scores: Scores
    choice: Choice
    fault: str | None

    def all(self) -> Iterator[Sample]:
        learned = self.choice.taken if self.selection.emit in ("sft", "relabel") else ()
        for number in range(len(self.answered)):
            refused = None if number in learned else self.fault or "not_chosen"
            yield self.candidate(number, refused)
        if self.selection.emit == "pair" and self.choice.taken and self.choice.worse is not None:
            yield self.pair(self.choice.taken[0], self.choice.worse)
        if self.selection.emit == "relabel" and not self.choice.taken and self.fault is None:
            yield self.relabelled()
        if self.selection.emit == "stepwise":
            yield from (self.stepwise(number) for number in self.choice.taken)

    def attrs(self, number: int | None = None) -> dict[str, Any]:
        graders = sorted({score.model for scores in self.scores.values() for score in scores if score.model})
        own = any(score.reason == "own_family" for scores in self.scores.values() for score in scores)
        judged = {"graders": graders, "own_family": own} if graders else {}
        role = {} if number is None else {"candidate": number, "role": self.answered[number][0].role}
        chooser = self.selection.chosen_by(self.params).name
        return {"chooser": chooser, "candidates": len(self.answered), **role, **judged}

    def label(self, number: int) -> Label | None:
        """The taken answer as the label of a problem that has none, by the vote or by the judge that decided."""
        answer = get_task(self.problem.task).check(self.problem, self.answered[number][1].text).answer
        if self.problem.gold or answer is None:
            return None
        deciding = {scorer.name: scorer for scorer in self.selection.deciding(self.params)}
        if "vote" in deciding:
            return Label(gold=answer, source="vote", share=self.scores["vote"][number].value)
        return Label(gold=answer, source="judge") if any(scorer.judges for scorer in deciding.values()) else None

    def candidate(self, number: int, refused: str | None) -> Sample:
        reply = self.answered[number][1]
        return Sample(
            messages=self.models.messages(self.selection.prompt),
            response=whole(reply),
            answer=get_task(self.problem.task).check(self.problem, reply.text).answer,
            attrs=self.attrs(number),
            notes=SftNotes(refused=refused, label=None if refused else self.label(number)),
            scores=[score_of(scorer, self.scores[scorer.name][number]) for scorer in self.scorers],
            parents=[reply.call_id],
        )

    def pair(self, better: int, worse: int) -> Sample:
        chosen, rejected = self.answered[better][1], self.answered[worse][1]
        gap: dict[str, Any] = {}
        if self.selection.by and self.selection.by in self.scores:
            values = [self.scores[self.selection.by][number].value for number in (better, worse)]
            gap = {"chosen_score": values[0], "rejected_score": values[1]}
        return Sample(
            kind="preference",
            messages=self.models.messages(self.selection.prompt),
            response=whole(chosen),
            rejected=whole(rejected),
            answer=get_task(self.problem.task).check(self.problem, chosen.text).answer,
            attrs={**self.attrs(), "chosen": better, "rejected": worse, **gap},
            notes=PreferenceNotes(complete=chosen.complete, label=self.label(better)),
            parents=[rejected.call_id, chosen.call_id],
        )

    def relabelled(self) -> Sample:
        return Sample(
            messages=self.models.messages(self.selection.prompt),
            response=self.selection.label,
            attrs=self.attrs(),
            notes=SftNotes(abstains=True, complete=True),
            parents=[reply.call_id for _, reply in self.answered],
            origin="rule",
        )

    def stepwise(self, number: int) -> Sample:
        reply = self.answered[number][1]
        review = get_task(self.problem.task).review(self.problem, reply.text)
        return Sample(
            kind="stepwise",
            messages=self.models.messages(self.selection.prompt),
            steps=list(review.steps) if review else get_task(self.problem.task).steps(reply.text),
            labels=list(review.labels) if review else [None for _ in get_task(self.problem.task).steps(reply.text)],
            answer=get_task(self.problem.task).check(self.problem, reply.text).answer,
            attrs={**self.attrs(number), "label_source": "rule"},
            notes=StepwiseNotes(refused=None if review else "no_review"),
            parents=[reply.call_id],
        )
