"""Cautious reasoning by prompt erasure (Orca 2, arXiv:2311.11045): the strategy is asked for, and not learned by name.

Once a night, for each task, the student solves some problems with each strategy; the one that is right most often, and then writes
least, is the task's. The teacher is told that strategy in a system message. The row has a general one in its place, so that the
student must learn to choose by itself. A row in which five words in a row of the strategy are left is refused.

    -- what each strategy was worth, by task
    select night, unnest(value->'$.tried') from artefacts where method = 'orca2'

The paper's progressive training is the plan of `recipes/methods/orca2.yaml`: rows of the weaker teacher first, then Orca's of the
stronger one, then these.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from itertools import groupby

from pydantic import Field

from storage.ids import seed_from
from synth.answers.outcome import Outcome
from synth.calls.models import Models
from synth.calls.together import together
from synth.methods.base import Artefact, Params, Preparation, method, whole
from synth.methods.erasing import leaks
from synth.notes import SftNotes
from synth.problems import get_task, task_names
from synth.problems.base import Problem
from synth.sample import Sample

STRATEGIES: Mapping[str, str] = {
    "direct": "Give the final answer at once, without showing how you come to it.",
    "step_by_step": "Work through the question in small numbered steps, and check each calculation before you go on to the next.",
    "recall_then_generate": "First list the facts and formulas that bear on the question. Then use them to answer it.",
    "recall_reason_generate": "First list the facts and formulas that bear on the question. Then say what follows from "
    "each for this case, one after the other. Only then give the answer.",
    "extract_then_generate": "First copy out, word for word, the parts of the text that the answer depends on. Then answer "
    "from these parts alone.",
    "explain_then_answer": "Explain in a few sentences how such a question is solved in general. Then solve this one in that way.",
    "direct_then_explain": "State the answer first. Then justify it, and correct it at the end if it does not bear the test.",
}
"""The paper's seven strategies in our words, since its instructions are unpublished. Where the question has no text beside it, what
is extracted is taken from the question itself."""


class Orca2Params(Params):
    """Parameters of `orca2`."""

    strategies: dict[str, str] = Field(
        dict(STRATEGIES),
        min_length=1,
        description="Instruction by name of the strategy; ours, after the paper's kinds.",
    )
    trials: int = Field(32, ge=1, le=512, description="Problems of a task that each strategy is tried on; ours.")
    temperature: float | None = Field(
        None, ge=0, description="Of every answer; None lets the role or its model decide."
    )
    max_tokens: int = Field(1024, ge=1, description="Upper bound on each answer; ours.")


class Trial(Artefact):
    """What a strategy came to on a task."""

    task: str
    strategy: str
    problems: int
    right: int
    tokens: int


class Strategies(Artefact):
    """The best strategy by task, and the table that it was chosen from."""

    best: dict[str, str]
    tried: tuple[Trial, ...]


async def try_strategies(problems: Sequence[Problem], models: Models, params: Orca2Params) -> Strategies:
    """Let the student solve some problems of each task with each strategy."""
    tried: list[Trial] = []
    ordered = sorted(
        (problem for problem in problems if problem.gold),
        key=lambda problem: (problem.task, seed_from("trial", problem.id)),
    )
    chosen = {
        task: list(members)[: params.trials] for task, members in groupby(ordered, key=lambda problem: problem.task)
    }
    strategies = sorted(params.strategies.items())
    asked = [
        (task, name, text, problem) for task, few in chosen.items() for name, text in strategies for problem in few
    ]
    replies = await together(  # all at once, so that a server is kept busy
        models.about(problem).student(
            "with_strategy", strategy=text, temperature=params.temperature, max_tokens=params.max_tokens
        )
        for _, _, text, problem in asked
    )
    for (task, name), rows in groupby(zip(asked, replies, strict=True), key=lambda row: row[0][:2]):
        own = [(problem, reply) for (_, _, _, problem), reply in rows]
        right = sum(get_task(task).check(problem, reply.text).outcome is Outcome.CORRECT for problem, reply in own)
        tokens = sum(reply.completion_tokens for _, reply in own)
        tried.append(Trial(task=task, strategy=name, problems=len(own), right=right, tokens=tokens))
    best = {
        task: min(rows, key=lambda row: (-row.right, row.tokens, row.strategy)).strategy
        for task, rows in ((task, list(rows)) for task, rows in groupby(tried, key=lambda row: row.task))
    }
    return Strategies(best=best, tried=tuple(tried))


@method(
    "orca2",
    paper="arXiv:2311.11045",
    makes=("sft",),
    roles=("student", "teacher"),
    params=Orca2Params,
    calls=lambda params: {"teacher": 1},
    rereads=lambda params: 0,
    prepare=Preparation(
        try_strategies,
        Strategies,
        calls=lambda params, problems: {
            "student": min(problems, params.trials * len(task_names())) * len(params.strategies)
        },
    ),
)
async def orca2(problem: Problem, models: Models, params: Orca2Params, strategies: Strategies) -> AsyncIterator[Sample]:
    """The teacher answers by the strategy that suits the task best; the row asks for a cautious answer and names no strategy."""
    name = strategies.best.get(
        problem.task, "step_by_step" if "step_by_step" in params.strategies else min(params.strategies)
    )
    instruction = params.strategies[name]
    reply = await models.teacher(
        "with_strategy", strategy=instruction, temperature=params.temperature, max_tokens=params.max_tokens
    )
    messages, response = models.messages("cautious"), whole(reply)
    left = leaks(instruction, [*(message["content"] for message in messages), response])
    yield Sample(
        messages=messages,
        response=response,
        answer=get_task(problem.task).check(problem, reply.text).answer,
        attrs={"strategy": name, "task_group": problem.task, "erased": not left},
        notes=SftNotes(refused="names_its_strategy" if left else None),
        parents=[reply.call_id],
    )
