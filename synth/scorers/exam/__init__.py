"""Learning by teaching (arXiv:2406.14629, method M1): a candidate is worth what a student who is shown it gets right.

The exam is of variants of the problem, which must be near it, as the paper found: the same steps with other numbers. Only tasks
that can make such variants have any (`arithmetic`, `knights_knaves`); for others there is no score.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from storage.ids import seed_from
from synth.answers.outcome import Outcome
from synth.calls.ask import Reply
from synth.calls.models import Models
from synth.calls.together import together
from synth.problems import get_task, variants_of
from synth.problems.base import Problem
from synth.scorers.base import Candidate, Score, scorer

VARIANTS = 3
"""Exam problems, as in the paper."""
REPEATS = 2
"""Answers to each; the paper has three."""
MAX_TOKENS = 1024


@dataclass(frozen=True, slots=True)
class Sitting:
    """What a student answered to one exam problem.

    Attributes:
        variant: The exam problem.
        reply: The answer.
        right: Whether it is right.
    """

    variant: Problem
    reply: Reply
    right: bool


async def sit(problem: Problem, solutions: Sequence[str], models: Models) -> list[list[Sitting]]:
    """Let the role `student` sit the exam of a problem once for each of some solutions, which is its one example.

    Returns:
        The sittings of each solution; none where the task makes no variants of the problem.
    """
    variants = variants_of(problem, VARIANTS, seed_from("exam", problem.id))
    asked = [variant for variant in variants for _ in range(REPEATS)]
    replies = await together(
        models.student(
            "scorers/exam/with_example",
            problem=variant,
            question=problem.prompt,
            solution=solution,
            essential={"temperature": 0.7, "top_k": 20},
            max_tokens=MAX_TOKENS,
            sample=place % REPEATS,
        )
        for solution in solutions
        for place, variant in enumerate(asked)
    )
    each = len(asked)
    return [
        [
            Sitting(variant, reply, get_task(variant.task).check(variant, reply.text).outcome is Outcome.CORRECT)
            for variant, reply in zip(asked, replies[number * each : (number + 1) * each], strict=True)
        ]
        for number in range(len(solutions))
    ]


def graded(sittings: Sequence[Sitting]) -> Score:
    """Return the share of right answers as a score; none where there was no exam."""
    if not sittings:
        return Score(None, "no_variants")
    calls = tuple(dict.fromkeys(sitting.reply.call_id for sitting in sittings))
    return Score(sum(one.right for one in sittings) / len(sittings), None, calls, sittings[0].reply.model)


@scorer("exam", version="1", roles=("student",), calls=lambda count: count * VARIANTS * REPEATS)
async def exam(problem: Problem, candidates: Sequence[Candidate], models: Models) -> list[Score]:
    """The share of variants of the problem that the role `student` solves when it is shown the candidate as its one example."""
    return [graded(own) for own in await sit(problem, [candidate.text for candidate in candidates], models)]
