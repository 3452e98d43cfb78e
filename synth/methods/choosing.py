"""What methods of several candidates share: they sample, let scorers score, let a chooser choose, and write the rows.

    PAIR = Selection(chooser="shortest_and_longest", emit="pair", margin=0.1)

    @method("overthinking", ..., calls=PAIR.calls, uses=PAIR.uses, prepare=calibration(PAIR))
    async def overthinking(problem, models, params, calibration):
        async for sample in select(problem, models, params, PAIR, calibration):
            yield sample

`PAIR` is a `synth.methods.selection.Selection`, `calibration` stands in `synth.methods.calibrating`.

Every candidate is a row, so that its scores can be queried (the view `scores`): those that are learned from as they are, the others
rejected as `not_chosen`. A judge among the scorers that decide is calibrated first, once a night (`synth.scorers.calibration`).
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from storage.ids import seed_from
from synth.calls.ask import Reply
from synth.calls.models import Models
from synth.choosers import Choice, Choosing
from synth.choosers.base import Scores
from synth.methods.base import whole
from synth.methods.calibrating import Calibration
from synth.methods.selection import SamplingParams, Selection, sampled
from synth.notes import Label, PreferenceNotes, SftNotes, StepwiseNotes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.sample import Sample
from synth.scorers import Candidate, Scorer, score_of


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
        terms = Choosing(seed_from("choose", problem.id, params.seed), selection.by, selection.margin, selection.share)
        choice = selection.chosen_by(params)(candidates, scores, terms)
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
        """The taken answer as the label of a problem that has none: by another model, the vote or the judge that decided."""
        answer = get_task(self.problem.task).check(self.problem, self.answered[number][1].text).answer
        if self.problem.gold or answer is None:
            return None
        deciding = {scorer.name: scorer for scorer in self.selection.deciding(self.params)}
        if "agreement" in deciding:
            return Label(gold=answer, source="model", share=self.scores["agreement"][number].value)
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
