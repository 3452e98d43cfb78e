"""Demonstrations that a model wrote itself, after Auto-CoT (arXiv:2210.03493): a method that has to see the whole set first.

The questions are put into groups by their length in words, where the paper clusters their embeddings; of each group the
shortest whose answer is right becomes a demonstration, and every problem is then asked with all of them before it.
"""

from pydantic import Field

from synth.answers.outcome import Outcome
from synth.engines.base import RequestRefused
from synth.methods.base import Artefact, Params, Preparation, method, together
from synth.problems import get_task
from synth.sample import Sample


class FewShotParams(Params):
    """How many demonstrations."""

    groups: int = Field(3, ge=1, description="Groups of questions, each with one demonstration; eight in the paper.")
    max_tokens: int = Field(512, ge=1, description="Upper bound on each answer; ours.")


class Demonstration(Artefact):
    """A question with a worked solution."""

    problem_id: str
    question: str
    solution: str


class Demonstrations(Artefact):
    """One demonstration of each group that has a right answer."""

    shown: tuple[Demonstration, ...]


async def collect(problems, models, params) -> Demonstrations:
    """Solve the shortest question of each group, and keep those that are right."""
    ordered = sorted(problems, key=lambda problem: (len(problem.prompt.split()), problem.id))
    chosen = ordered[:: max(len(ordered) // params.groups, 1)][: params.groups]
    replies = await together(
        models.about(problem).teacher("solve", temperature=0.0, max_tokens=params.max_tokens) for problem in chosen
    )
    shown = [
        Demonstration(problem_id=problem.id, question=problem.prompt, solution=reply.text)
        for problem, reply in zip(chosen, replies, strict=True)
        if get_task(problem.task).check(problem, reply.text).outcome is Outcome.CORRECT
    ]
    if not shown:
        raise RequestRefused("no_demonstration", "the teacher solved none of the questions that were to be shown")
    return Demonstrations(shown=tuple(shown))


@method(
    "example_few_shot",
    paper="arXiv:2210.03493",
    makes=("sft",),
    roles=("teacher",),
    params=FewShotParams,
    prepare=Preparation(
        collect, Demonstrations, calls=lambda params, problems: {"teacher": min(params.groups, problems)}
    ),
)
async def example_few_shot(problem, models, params, demonstrations):
    """The teacher solves; the row asks with demonstrations of other problems before the question."""
    reply = await models.teacher("solve", temperature=0.0, max_tokens=params.max_tokens)
    others = [shown for shown in demonstrations.shown if shown.problem_id != problem.id]
    yield Sample(
        messages=models.messages("few_shot", demonstrations=others),
        response=reply.text,
        answer=get_task(problem.task).check(problem, reply.text).answer,
        attrs={"demonstrations": [shown.problem_id for shown in others]},
        parents=[reply.call_id],
    )
