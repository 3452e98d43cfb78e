"""Self-rewarding (arXiv:2401.10020): the model grades its own answers by a rubric, and the best stands against the worst.

The paper's model is its own judge: give the role `grader` the student's model, and each row says so (`own_family`). Here it is
calibrated on checked answers first, and where the checker knows the answer the better half must be right as well, unless a policy
only observes the filter `answer`.

The paper's questions are new ones that a fixed chat model writes, shown eight others (`questions: new`: by the role `teacher`, as
in `self_instruct`); nobody knows their answers, so the grader's choice is the label (`gold_source: judge`). Its rounds, and the
SFT before them, are the plan of `recipes/methods/self_rewarding.yaml`. Watch the length:

    select avg(s.value) as chosen_words from samples join scores s using (sample_id)
    where method = 'self_rewarding' and s.scorer = 'length' group by night order by night
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field

from synth.calls.models import Models
from synth.methods.base import Preparation, method
from synth.methods.calibrating import Calibration, calibrated, calibration
from synth.methods.choosing import select
from synth.methods.selection import SamplingParams, Selection
from synth.methods.self_instruct import Grown, SelfInstructParams, calls_to_grow, grow
from synth.methods.writing import asked_problem
from synth.notes import Question
from synth.problems.base import Problem
from synth.sample import Sample

PAIR = Selection(chooser="best_and_worst", emit="pair", role="student", by="rubric", scorers=("answer", "length"))


class NewQuestionsParams(SelfInstructParams):
    """How the paper's fixed chat model writes new questions."""

    of_questions: ClassVar[Mapping[str, float]] = {"temperature": 0.6, "top_p": 0.9}
    """As the paper draws them."""


class SelfRewardingParams(SamplingParams):
    """Parameters of `self_rewarding`."""

    essential: ClassVar[Mapping[str, float]] = {"temperature": 0.7, "top_p": 0.9}
    """Of each answer (the paper)."""

    samples: int = Field(4, ge=2, le=64, description="Answers per problem, as in the paper.")
    max_tokens: int = Field(1024, ge=1, description="Upper bound on each answer; ours.")
    questions: Literal["night", "new"] = Field(
        "night", description="Answer the night's problems, or new ones that the role `teacher` writes (the paper)."
    )

    @property
    def writing(self) -> SelfInstructParams:
        """How new questions are written: eight are shown (the paper)."""
        return NewQuestionsParams(shown=8, max_tokens=self.max_tokens, seed=self.seed)


class Start(Calibration):
    """What was measured of the grader, and the new questions of the night; none where it answers its problems."""

    grown: Grown | None = None


async def start(problems: Sequence[Problem], models: Models, params: SelfRewardingParams) -> Start:
    """Measure the grader, and let the teacher write new questions where they are wanted."""
    measured = await calibrated(problems, models, params, PAIR)
    grown = await grow(problems, models, params.writing) if params.questions == "new" else None
    return Start(judges=measured.judges, grown=grown)


def _calls(params: SelfRewardingParams) -> dict[str, int]:
    return PAIR.calls(params) | ({"teacher": 0} if params.questions == "new" else {})


def _calls_to_start(params: SelfRewardingParams, problems: int) -> dict[str, int]:
    written = {"teacher": calls_to_grow(params.writing, problems)} if params.questions == "new" else {}
    return {**calibration(PAIR).calls(params, problems), **written}


@method(
    "self_rewarding",
    paper="arXiv:2401.10020",
    makes=("preference", "sft"),
    roles=("student", "grader"),
    params=SelfRewardingParams,
    calls=_calls,
    rereads=lambda params: max(PAIR.rereads(params), params.writing.shown if params.questions == "new" else 0),
    uses=PAIR.uses,
    prepare=Preparation(start, Start, _calls_to_start),
)
async def self_rewarding(
    problem: Problem, models: Models, params: SelfRewardingParams, begun: Start
) -> AsyncIterator[Sample]:
    """The student answers several times and the grader adds up points; the highest against the lowest is a pair, ties none."""
    if begun.grown is None:
        async for sample in select(problem, models, params, PAIR, begun):
            yield sample
        return
    for question in begun.grown.questions:
        if question.answered_for == problem.id:
            asked = asked_problem(problem, question.text)
            async for sample in select(asked, models.about(asked), params, PAIR, begun):
                yield _of_new(sample, asked)


def _of_new(sample: Sample, asked: Problem) -> Sample:
    """A row that is about a new question: what the grader chose is its label."""
    assert sample.notes is not None
    label = sample.notes.label
    question = Question(gold=label.gold if label else None, text=asked.prompt, source="judge" if label else "model")
    notes = sample.notes.model_copy(update={"question": question, "label": None})
    return replace(sample, notes=notes, attrs={**sample.attrs, "question": asked.prompt})
