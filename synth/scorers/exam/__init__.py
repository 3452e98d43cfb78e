"""Learning by teaching (arXiv:2406.14629, method M1): a candidate is worth what a student who is shown it gets right.

The exam is of variants of the problem, which must be near it, as the paper found: the same steps with other numbers. Only tasks
that can make such variants have any (`arithmetic`, `knights_knaves`); for others there is no score.
"""

from collections.abc import Sequence

from storage.ids import seed_from
from synth.answers.outcome import Outcome
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


@scorer("exam", version="1", roles=("student",), calls=lambda count: count * VARIANTS * REPEATS)
async def exam(problem: Problem, candidates: Sequence[Candidate], models: Models) -> list[Score]:
    """The share of variants of the problem that the role `student` solves when it is shown the candidate as its one example."""
    variants = variants_of(problem, VARIANTS, seed_from("exam", problem.id))
    if not variants or not candidates:
        return [Score(None, "no_variants") for _ in candidates]
    replies = await together(
        models.student(
            "scorers/exam/with_example",
            problem=variant,
            question=problem.prompt,
            solution=candidate.text,
            essential={"temperature": 0.7, "top_k": 20},
            max_tokens=MAX_TOKENS,
            sample=number,
        )
        for candidate in candidates
        for variant in variants
        for number in range(REPEATS)
    )
    each = len(variants) * REPEATS
    scores = []
    for position in range(len(candidates)):
        own = replies[position * each : (position + 1) * each]
        asked = [variant for variant in variants for _ in range(REPEATS)]
        right = [
            get_task(variant.task).check(variant, reply.text).outcome is Outcome.CORRECT
            for variant, reply in zip(asked, own, strict=True)
        ]
        calls = tuple(dict.fromkeys(reply.call_id for reply in own))
        scores.append(Score(sum(right) / each, None, calls, own[0].model))
    return scores
