"""Self-harmonised demonstrations (ECHO, arXiv:2409.04057): those of Auto-CoT are written again until they are of one kind.

The demonstrations of `auto_cot` are the start. In each round every demonstration of a task is solved anew, in a random order, with
the others of its task before it as they are by then. No gold answer is used and nothing is filtered; a solution that is cut at its
limit does not replace the one before. The artefact says how alike the demonstrations are after each round: many rounds make them
one, and the examples lose what made them worth showing.

    -- words that two demonstrations have in common, on average, before and after each round
    select night, value->'$.likeness' from artefacts where method = 'echo'
"""

from collections.abc import AsyncIterator, Sequence
from itertools import combinations

from pydantic import Field

from storage.ids import seed_from
from synth.calls.models import Models
from synth.methods.auto_cot import AutoCotParams, Demonstration, collect
from synth.methods.base import Artefact, Preparation, method, whole
from synth.methods.erasing import repeats_examples
from synth.notes import SftNotes
from synth.problems import get_task, task_names
from synth.problems.base import Problem
from synth.sample import Sample
from synth.scorers.similarity import jaccard

SHOWN = "auto_cot/with_examples"
"""The prompt with demonstrations, of Auto-CoT."""


class EchoParams(AutoCotParams):
    """Parameters of `echo`: those of `auto_cot`, and the rounds."""

    rounds: int = Field(2, ge=1, le=8, description="Rounds of writing anew (the authors' main script).")
    rewrite_tokens: int = Field(
        512, ge=1, description="Upper bound on each solution that is written anew (the authors' code)."
    )


class Harmonised(Artefact):
    """Demonstrations after the last round.

    Attributes:
        shown: The demonstrations.
        likeness: Mean similarity of two solutions of one task, at first and after each round.
        changed: Solutions that each round changed.
    """

    shown: tuple[Demonstration, ...]
    likeness: tuple[float, ...]
    changed: tuple[int, ...]


async def harmonise(problems: Sequence[Problem], models: Models, params: EchoParams) -> Harmonised:
    """Take Auto-CoT's demonstrations, and solve each anew with the others before it, round after round."""
    by_id = {problem.id: problem for problem in problems}
    shown = list((await collect(problems, models, params)).shown)
    likeness, changed = [likeness_of(shown)], []
    for number in range(params.rounds):
        order = sorted(
            range(len(shown)), key=lambda place: seed_from("round", number, shown[place].problem_id, params.seed)
        )
        before = [demonstration.solution for demonstration in shown]
        for place in order:  # one after the other: each sees those that are new already
            own = shown[place]
            others = sorted(
                (
                    demonstration
                    for demonstration in shown
                    if demonstration.task == own.task and demonstration.problem_id != own.problem_id
                ),
                key=lambda demonstration: seed_from(
                    "context", number, own.problem_id, demonstration.problem_id, params.seed
                ),
            )
            reply = await models.about(by_id[own.problem_id]).teacher(
                SHOWN, demonstrations=others, max_tokens=params.rewrite_tokens, sample=number + 1
            )
            if reply.complete and reply.text.strip():
                shown[place] = own.model_copy(update={"solution": reply.text.strip()})
        likeness.append(likeness_of(shown))
        changed.append(sum(demonstration.solution != old for demonstration, old in zip(shown, before, strict=True)))
    return Harmonised(shown=tuple(shown), likeness=tuple(likeness), changed=tuple(changed))


def likeness_of(shown: Sequence[Demonstration]) -> float:
    """Return the mean similarity of the words of every two solutions of one task; 1 where no task has two."""
    pairs = [(first.solution, second.solution) for first, second in combinations(shown, 2) if first.task == second.task]
    return round(sum(jaccard(*pair) for pair in pairs) / len(pairs), 4) if pairs else 1.0


def _most(params: EchoParams, problems: int) -> dict[str, int]:
    clusters = params.clusters * len(task_names())
    return {"teacher": min(problems, clusters * params.tries) + params.rounds * min(problems, clusters)}


@method(
    "echo",
    paper="arXiv:2409.04057",
    makes=("sft",),
    roles=("teacher",),
    params=EchoParams,
    rereads=lambda params: 2 * params.clusters,
    prepare=Preparation(harmonise, Harmonised, calls=_most),
)
async def echo(problem: Problem, models: Models, params: EchoParams, harmonised: Harmonised) -> AsyncIterator[Sample]:
    """The teacher solves with demonstrations before it that were written anew until they are of one kind."""
    others = [
        demonstration
        for demonstration in harmonised.shown
        if demonstration.task == problem.task and demonstration.problem_id != problem.id
    ]
    reply = await models.teacher(
        SHOWN, demonstrations=others, temperature=params.temperature, max_tokens=params.max_tokens
    )
    bare = params.learn == "bare"
    left = bare and repeats_examples((demonstration.question for demonstration in others), whole(reply), problem.prompt)
    yield Sample(
        messages=models.messages("solve") if bare else models.messages(SHOWN, demonstrations=others),
        response=whole(reply),
        answer=get_task(problem.task).check(problem, reply.text).answer,
        attrs={"demonstrations": [demonstration.problem_id for demonstration in others], "learn": params.learn},
        notes=SftNotes(refused="repeats_its_examples" if left else None),
        parents=[reply.call_id],
    )
