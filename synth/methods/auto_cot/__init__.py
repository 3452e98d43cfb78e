"""Auto-CoT (arXiv:2210.03493): demonstrations that a model wrote itself, of questions that differ.

Once a night the questions of each task are put into clusters; of each cluster the question nearest to the centre whose
solution is short and complete becomes a demonstration. Every problem is then asked with the demonstrations of its task before it.
No gold answer is used: a wrong demonstration is tolerated, since the others differ from it (section 4 of the paper).

By default a row is worded without the demonstrations, so that what is learned needs none (`learn: bare`).
"""

from collections.abc import AsyncIterator, Sequence
from typing import Literal

from pydantic import Field

from synth.answers.format import obeys_format
from synth.calls.ask import Reply
from synth.calls.models import Models
from synth.embeddings.base import TF_IDF
from synth.embeddings.clusters import clustered
from synth.embeddings.opening import open_embedding
from synth.engines.base import RequestRefused
from synth.methods.base import Artefact, Params, Preparation, method, together, whole
from synth.methods.erasing import repeats_examples
from synth.notes import SftNotes
from synth.problems import get_task, task_names
from synth.problems.base import Problem
from synth.sample import Sample


class AutoCotParams(Params):
    """Parameters of `auto_cot`."""

    clusters: int = Field(
        8, ge=1, le=64, description="Demonstrations of each task; eight in the paper, 4 to 7 for some sets."
    )
    most_words: int = Field(
        60, ge=1, description="Longest question that is shown, in words (the paper's tokens, section 4.2)."
    )
    most_steps: int = Field(5, ge=1, description="Most steps of a solution that is shown (section 4.2).")
    tries: int = Field(
        4, ge=1, le=64, description="Questions of a cluster that are solved at most until one can be shown; ours."
    )
    embedding: str = Field(
        TF_IDF,
        min_length=1,
        description="What puts questions into clusters: tf_idf, or a static model of model2vec, as a folder or of the Hub "
        "(the extra `embeddings`); the authors' all-MiniLM-L6-v2 is such a model once it is distilled.",
    )
    seed: int = Field(192, ge=0, description="Of the clusters (the authors' code).")
    learn: Literal["bare", "shown"] = Field(
        "bare", description="Whether rows are worded without the demonstrations or with them; ours."
    )
    temperature: float | None = Field(None, ge=0, description="Of each answer; None lets the role or its model decide.")
    max_tokens: int = Field(1024, ge=1, description="Upper bound on each answer; ours.")


class Demonstration(Artefact):
    """A question with a solution, and where it lay in its cluster."""

    task: str
    problem_id: str
    question: str
    solution: str
    cluster: int
    rank: int


class Demonstrations(Artefact):
    """One demonstration of each cluster that has one to show.

    Attributes:
        shown: The demonstrations.
        embeddings: Identity of what made the clusters, by task: an embedding with a digest of its weights or its corpus.
    """

    shown: tuple[Demonstration, ...]
    embeddings: dict[str, str] = Field(default_factory=dict)


async def collect(problems: Sequence[Problem], models: Models, params: AutoCotParams) -> Demonstrations:
    """Cluster the questions of each task, and solve those near each centre until one can be shown."""
    clusters, embeddings = _clusters(problems, params)
    shown: dict[int, Demonstration] = {}
    for rank in range(params.tries):  # the next question of every cluster that has nothing to show yet
        asked = {
            number: members[rank]
            for number, members in enumerate(clusters)
            if number not in shown and rank < len(members)
        }
        replies = await together(
            models.about(problem).teacher("solve", temperature=params.temperature, max_tokens=params.max_tokens)
            for problem in asked.values()
        )
        for (number, problem), reply in zip(asked.items(), replies, strict=True):
            if _can_be_shown(problem, reply, models, params):
                shown[number] = Demonstration(
                    task=problem.task,
                    problem_id=problem.id,
                    question=problem.prompt,
                    solution=reply.text.strip(),
                    cluster=number,
                    rank=rank,
                )
    if not shown:
        raise RequestRefused(
            "no_demonstration", "the teacher wrote no solution that is short and whole enough to be shown"
        )
    return Demonstrations(shown=tuple(shown[number] for number in sorted(shown)), embeddings=embeddings)


def _clusters(problems: Sequence[Problem], params: AutoCotParams) -> tuple[list[list[Problem]], dict[str, str]]:
    """The questions of each cluster of each task that are short enough to be shown, the nearest to the centre first."""
    clusters, embeddings = [], {}
    for task in sorted({problem.task for problem in problems}):
        members = [problem for problem in problems if problem.task == task]
        texts = [problem.prompt for problem in members]
        embedding = open_embedding(params.embedding, texts)
        embeddings[task] = embedding.identity
        for numbers in clustered(texts, params.clusters, params.seed, embedding):
            nearest = [members[number] for number in numbers]
            clusters.append([problem for problem in nearest if len(problem.prompt.split()) <= params.most_words])
    return clusters, embeddings


def _can_be_shown(problem: Problem, reply: Reply, models: Models, params: AutoCotParams) -> bool:
    """Whether a solution is short, not cut, and ends in an answer as the prompt asks for it. Its truth is not asked."""
    task, form = get_task(problem.task), models.about(problem).form
    if not reply.complete or not 1 <= len(task.steps(reply.text)) <= params.most_steps:
        return False
    in_form = obeys_format(reply.text, form.name)
    return in_form and task.check(problem, reply.text).answer is not None


@method(
    "auto_cot",
    paper="arXiv:2210.03493",
    makes=("sft",),
    roles=("teacher",),
    params=AutoCotParams,
    rereads=lambda params: 2 * params.clusters,  # of each demonstration the question and the solution
    prepare=Preparation(
        collect,
        Demonstrations,
        calls=lambda params, problems: {"teacher": min(problems, params.clusters * params.tries * len(task_names()))},
    ),
)
async def auto_cot(
    problem: Problem, models: Models, params: AutoCotParams, demonstrations: Demonstrations
) -> AsyncIterator[Sample]:
    """The teacher solves with demonstrations of other problems before it, which a model wrote and the night chose."""
    others = [shown for shown in demonstrations.shown if shown.task == problem.task and shown.problem_id != problem.id]
    reply = await models.teacher(
        "with_examples", demonstrations=others, temperature=params.temperature, max_tokens=params.max_tokens
    )
    bare = params.learn == "bare"
    left = bare and repeats_examples((shown.question for shown in others), whole(reply), problem.prompt)
    yield Sample(
        messages=models.messages("solve") if bare else models.messages("with_examples", demonstrations=others),
        response=whole(reply),
        answer=get_task(problem.task).check(problem, reply.text).answer,
        attrs={"demonstrations": [shown.problem_id for shown in others], "learn": params.learn},
        notes=SftNotes(refused="repeats_its_examples" if left else None),
        parents=[reply.call_id],
    )
