"""A mixture of expert prompts (MoP, arXiv:2407.00256): each region has an instruction and demonstrations.

Built from the idea that its abstract tells, in our own words. Once a night the problems of each task are put into clusters by an
embedding; each cluster is an expert. The teacher solves some problems of each, and its right solutions nearest to the centre
become the expert's demonstrations. It then writes instructions from these, and the one with which it solves most of *other*
problems of the region is the expert's (a search by region, jointly with the demonstrations); of equals the shorter. Every problem
is asked by the prompt of its own region, never with itself as a demonstration. By default the row has the problem alone, so the
prompt is erased.

    -- what each instruction was worth
    select night, unnest(value->'$.tried') from artefacts where method = 'mixture_of_prompts'
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from storage.ids import seed_from
from synth.answers.outcome import Outcome
from synth.calls.models import Models
from synth.calls.together import readable, together
from synth.embeddings.base import TF_IDF
from synth.embeddings.clusters import clustered
from synth.embeddings.opening import open_embedding
from synth.engines.base import RequestRefused
from synth.methods.base import Artefact, Preparation, method, whole
from synth.methods.drawn import DrawnParams
from synth.methods.erasing import leaks, repeats_examples
from synth.notes import SftNotes
from synth.problems import get_task, task_names
from synth.problems.base import Problem
from synth.sample import Sample

PLAIN = "Solve the problem step by step."
"""The instruction that each region has besides those that are written, so that none is worse than no search."""


class MixtureParams(DrawnParams):
    """Parameters of `mixture_of_prompts`."""

    experts: int = Field(4, ge=1, le=64, description="Regions of each task; ours, the paper scales with the data.")
    demonstrations: int = Field(4, ge=1, le=16, description="Demonstrations of each expert at most; ours.")
    instructions: int = Field(4, ge=1, le=32, description="Instructions that are written for each region; ours.")
    trials: int = Field(8, ge=1, le=128, description="Problems of a region that each instruction is tried on; ours.")
    embedding: str = Field(TF_IDF, min_length=1, description="What makes the regions, as for `auto_cot`.")
    learn: Literal["bare", "shown"] = Field("bare", description="Rows without the prompt of the region, or with it.")
    seed: int = Field(0, ge=0, description="Of the regions; another seed begins otherwise.")


class Shown(Artefact):
    """A demonstration."""

    problem_id: str
    question: str
    solution: str


class Expert(Artefact):
    """A region's prompt, and the problems that belong to it."""

    task: str
    instruction: str
    demonstrations: tuple[Shown, ...]
    members: tuple[str, ...]


class Trial(Artefact):
    """What an instruction came to in its region."""

    task: str
    expert: int
    instruction: str
    problems: int
    right: int


class Mixture(Artefact):
    """The experts of a night, and the table that their instructions were chosen from."""

    experts: tuple[Expert, ...]
    tried: tuple[Trial, ...]
    embeddings: dict[str, str]


class Instruction(BaseModel):
    """What the teacher replies when it writes an instruction."""

    model_config = ConfigDict(extra="forbid")

    instruction: str = Field(min_length=1, description="one or two sentences that tell how to solve such problems")


async def build(problems: Sequence[Problem], models: Models, params: MixtureParams) -> Mixture:
    """Make the regions, demonstrations for each, and search its instruction."""
    experts: list[Expert] = []
    tried: list[Trial] = []
    embeddings: dict[str, str] = {}
    for task in sorted({problem.task for problem in problems}):
        members = [problem for problem in problems if problem.task == task]
        embedding = open_embedding(params.embedding, [problem.prompt for problem in members])
        embeddings[task] = embedding.identity
        for numbers in clustered([problem.prompt for problem in members], params.experts, params.seed, embedding):
            region = [members[number] for number in numbers]
            demonstrations = await _demonstrations(region, models, params)
            best, trials = await _instruction(region, demonstrations, models, params, len(experts))
            experts.append(
                Expert(
                    task=task,
                    instruction=best,
                    demonstrations=tuple(demonstrations),
                    members=tuple(problem.id for problem in region),
                )
            )
            tried += trials
    if not any(expert.demonstrations for expert in experts):
        raise RequestRefused("no_demonstration", "the teacher solved no problem of any region rightly")
    return Mixture(experts=tuple(experts), tried=tuple(tried), embeddings=embeddings)


async def _demonstrations(region: Sequence[Problem], models: Models, params: MixtureParams) -> list[Shown]:
    """Right solutions of the problems nearest to the centre."""
    asked = [problem for problem in region if problem.gold][: 2 * params.demonstrations]
    replies = await together(models.about(problem).teacher("solve", max_tokens=params.max_tokens) for problem in asked)
    right = [
        Shown(problem_id=problem.id, question=problem.prompt, solution=reply.text.strip())
        for problem, reply in zip(asked, replies, strict=True)
        if reply.complete and get_task(problem.task).check(problem, reply.text).outcome is Outcome.CORRECT
    ]
    return right[: params.demonstrations]


async def _instruction(
    region: Sequence[Problem], shown: Sequence[Shown], models: Models, params: MixtureParams, number: int
) -> tuple[str, list[Trial]]:
    """The instruction with which most other problems of the region are solved, and what each came to."""
    about = models.about(region[0])
    written = await readable(
        about.teacher(
            "instruct",
            demonstrations=list(shown),
            schema=Instruction,
            sample=sample,
            **params.sampling,
        )
        for sample in range(params.instructions if shown else 0)
    )
    texts = [" ".join(reply.value.instruction.split()) for reply in written if reply is not None]
    candidates = list(dict.fromkeys([PLAIN, *texts]))
    used = {demonstration.problem_id for demonstration in shown}
    others = [problem for problem in region if problem.gold and problem.id not in used]
    tested = sorted(others, key=lambda problem: seed_from("trial", problem.id, params.seed))[: params.trials]
    replies = await together(
        models.about(problem).teacher(
            "expert", instruction=text, demonstrations=list(shown), max_tokens=params.max_tokens
        )
        for text in candidates
        for problem in tested
    )
    trials = []
    for place, text in enumerate(candidates):
        own = replies[place * len(tested) : (place + 1) * len(tested)]
        right = sum(
            get_task(problem.task).check(problem, reply.text).outcome is Outcome.CORRECT
            for problem, reply in zip(tested, own, strict=True)
        )
        trials.append(Trial(task=region[0].task, expert=number, instruction=text, problems=len(tested), right=right))
    best = min(trials, key=lambda trial: (-trial.right, len(trial.instruction), trial.instruction))
    return best.instruction, trials


def _most(params: MixtureParams, problems: int) -> dict[str, int]:
    regions = min(problems, params.experts * len(task_names()))
    written = params.instructions
    return {
        "teacher": min(problems, 2 * params.demonstrations * regions)
        + regions * written
        + (written + 1) * min(problems, params.trials * regions)
    }


@method(
    "mixture_of_prompts",
    paper="arXiv:2407.00256",
    makes=("sft",),
    roles=("teacher",),
    params=MixtureParams,
    rereads=lambda params: 2 * params.demonstrations,
    prepare=Preparation(build, Mixture, calls=_most),
)
async def mixture_of_prompts(
    problem: Problem, models: Models, params: MixtureParams, mixture: Mixture
) -> AsyncIterator[Sample]:
    """The teacher solves by the instruction and demonstrations of the problem's own region; the row has the problem alone."""
    number, expert = next((n, one) for n, one in enumerate(mixture.experts) if problem.id in one.members)
    others = [shown for shown in expert.demonstrations if shown.problem_id != problem.id]
    inputs: dict[str, Any] = {"instruction": expert.instruction, "demonstrations": others}
    reply = await models.teacher("expert", max_tokens=params.max_tokens, **inputs)
    bare = params.learn == "bare"
    messages = models.messages("solve") if bare else models.messages("expert", **inputs)
    secret = "" if expert.instruction == PLAIN else expert.instruction  # what anybody says is no sign of the prompt
    questions = [shown.question for shown in others]
    left = bare and (
        leaks(secret, [whole(reply)], problem.prompt) or repeats_examples(questions, whole(reply), problem.prompt)
    )
    yield Sample(
        messages=messages,
        response=whole(reply),
        answer=get_task(problem.task).check(problem, reply.text).answer,
        attrs={"expert": number, "demonstrations": [shown.problem_id for shown in others], "learn": params.learn},
        notes=SftNotes(refused="repeats_its_prompt" if left else None, complete=reply.complete),
        parents=[reply.call_id],
    )
