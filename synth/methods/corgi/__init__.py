"""Questions by a curriculum (CORGI, arXiv:2310.09518): concepts of a subject in their order, at rising levels of Bloom's.

The recipe names subjects by stage, as catalogues of schools and universities do. Once a night the teacher lists the concepts of
each subject in the order in which they are taught. Each problem of the night then stands for one place in the curriculum: a
stage, a subject, a concept and a level (remember, understand, apply), about which the teacher writes a question and answers it.
The problem's own text is not used. `curriculum_index` in `attrs` is the row's place when stages follow each other, within a stage
the levels, within a level the subjects take turns (interleaving, the paper's best order):

    select response from samples where method = 'corgi' order by (attrs->>'curriculum_index')::int

Nobody knows whether the answers are right (`gold_source: none`): rows are accepted with the policy `{corgi: {accept_unknown:
[answer]}}` alone. A question or answer that does not name its concept is refused. Where the night has pages too (passages of
the source `documents`), the questions are written before the attempts, and those least like the page that is retrieved for their
concept are refused (`far_from_page`), as the paper filters by retrieved pages; without pages there is no such filter.
"""

import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from storage.ids import seed_from
from synth.calls.ask import Reply
from synth.calls.models import Models
from synth.calls.together import readable, together
from synth.embeddings.base import TF_IDF
from synth.engines.base import RequestRefused
from synth.methods.base import Artefact, Preparation, method
from synth.methods.corgi.pages import least_similarity, retrieve
from synth.methods.writing import (
    Answered,
    WritingParams,
    answered,
    asked_problem,
    question_fault,
    question_row,
    text_of,
)
from synth.problems.base import Problem
from synth.sample import Sample

Bloom = Literal["remember", "understand", "apply"]
LEVELS: Mapping[Bloom, str] = {
    "remember": "Ask for what it is, or for a fact about it.",
    "understand": "Ask for why or how it is so, for a comparison or an explanation in other words.",
    "apply": "Describe a new situation, and ask for something that has to be worked out with it.",
}
"""What is asked for at each level; the paper has a template for each, ours follow their kinds."""
SUBJECTS: Mapping[str, tuple[str, ...]] = {
    "secondary": ("algebra", "geometry", "physics", "chemistry", "biology"),
    "university": ("linear algebra", "probability theory", "mechanics", "organic chemistry", "economics"),
}


class CorgiParams(WritingParams):
    """Parameters of `corgi`."""

    subjects: dict[str, tuple[str, ...]] = Field(
        dict(SUBJECTS),
        min_length=1,
        description="Subjects by stage, the first stage first; ours, the paper takes 45 of catalogues.",
    )
    concepts: int = Field(16, ge=1, le=256, description="Concepts of each subject; ours.")
    levels: tuple[Bloom, ...] = Field(
        ("remember", "understand", "apply"), min_length=1, description="Levels of Bloom's taxonomy, rising (the paper)."
    )
    far: float = Field(
        20.0,
        ge=0,
        lt=100,
        description="Percentile of the likeness of questions to their pages below which one is refused; ours.",
    )
    embedding: str = Field(
        TF_IDF,
        min_length=1,
        description="What says how like a question and a page are: tf_idf, or a static model (the extra `embeddings`).",
    )


class Concepts(BaseModel):
    """What the teacher replies for a subject."""

    model_config = ConfigDict(extra="forbid")

    concepts: list[str] = Field(description="names of concepts in the order in which they are taught", min_length=1)


class Place(Artefact):
    """A place in the curriculum, the problem in whose attempt its question is written, and the page of its concept.

    Attributes:
        page: The passage that was retrieved for the concept; None where the night has none.
        similarity: How like it the question is.
    """

    stage: str
    subject: str
    concept: str
    concept_order: int
    bloom: Bloom
    index: int
    problem_id: str
    page: str | None = None
    similarity: float | None = None


class Curriculum(Artefact):
    """The curriculum of a night.

    Attributes:
        places: The places in their order.
        unread: Subjects of which no concepts could be read.
        least: Likeness to its page below which a question is refused; None where there are no pages.
    """

    places: tuple[Place, ...]
    unread: tuple[str, ...] = ()
    least: float | None = None


async def plan(problems: Sequence[Problem], models: Models, params: CorgiParams) -> Curriculum:
    """List the concepts of each subject, and give each problem a place in the curriculum."""
    asked = [(stage, subject) for stage, subjects in params.subjects.items() for subject in subjects]
    about = models.about(problems[0])
    replies = await readable(
        about.teacher(
            "concepts", stage=stage, subject=subject, count=params.concepts, schema=Concepts, **params.sampling
        )
        for stage, subject in asked
    )
    concepts: dict[tuple[str, str], list[str]] = {}
    for place, reply in zip(asked, replies, strict=True):
        if reply is not None:
            concepts[place] = _distinct(reply.value.concepts)[: params.concepts]
    if not any(concepts.values()):
        raise RequestRefused("no_concept", "the teacher listed no concepts of any subject")
    drawn = sorted(problems, key=lambda problem: seed_from("place", problem.id, params.seed))
    slots = list(interleaved(concepts, params.levels))
    count = min(len(drawn), len(slots))
    spread = [slots[number * len(slots) // count] for number in range(count)]
    places = tuple(
        Place(
            stage=stage,
            subject=subject,
            concept=concept,
            concept_order=order,
            bloom=bloom,
            index=index,
            problem_id=one.id,
        )
        for index, ((stage, subject, concept, order, bloom), one) in enumerate(zip(spread, drawn, strict=False))
    )
    unread = tuple(subject for place in asked if place not in concepts for subject in place[1:])
    return await _with_pages(Curriculum(places=places, unread=unread), problems, models, params)


async def _with_pages(
    curriculum: Curriculum, problems: Sequence[Problem], models: Models, params: CorgiParams
) -> Curriculum:
    """Write every question now and compare it with its page, where there are pages; the attempts find these calls again."""
    passages = [problem for problem in problems if problem.task == "passage"]
    if not passages:
        return curriculum
    by_id = {problem.id: problem for problem in problems}
    replies = await together(_ask(models.about(by_id[place.problem_id]), place, params) for place in curriculum.places)
    concepts = [f"{place.concept} {place.subject}" for place in curriculum.places]
    pages = retrieve(concepts, [text_of(reply) for reply in replies], passages, params.embedding)
    places = tuple(
        place.model_copy(update={"page": page.problem_id, "similarity": page.similarity})
        for place, page in zip(curriculum.places, pages, strict=True)
    )
    return curriculum.model_copy(update={"places": places, "least": least_similarity(pages, params.far)})


async def _ask(models: Models, place: Place, params: CorgiParams) -> Reply:
    """Let the teacher write the question of a place."""
    return await models.teacher(
        "question",
        subject=place.subject,
        stage=place.stage,
        concept=place.concept,
        level=LEVELS[place.bloom],
        **params.sampling,
    )


Slot = tuple[str, str, str, int, Bloom]


def interleaved(concepts: Mapping[tuple[str, str], Sequence[str]], levels: Sequence[Bloom]) -> Iterator[Slot]:
    """Yield every place in the order of interleaving: stage, level, and within a level the subjects in turn.

    Args:
        concepts: Concepts in the order of teaching by stage and subject, the stages in their order.
        levels: Levels, rising.
    """
    stages = list(dict.fromkeys(stage for stage, _ in concepts))
    for stage in stages:
        subjects = [(subject, names) for (own, subject), names in concepts.items() if own == stage]
        for level in levels:
            for order in range(max(len(names) for _, names in subjects)):
                for subject, names in subjects:
                    if order < len(names):
                        yield stage, subject, names[order], order, level


def _distinct(names: Sequence[str]) -> list[str]:
    """Names without what surrounds them, each once."""
    clean = (" ".join(re.sub(r"^\s*\d+[.)]\s*", "", name).split()).strip(" .*_") for name in names)
    first: dict[str, str] = {}
    for name in clean:
        if name:
            first.setdefault(name.casefold(), name)
    return list(first.values())


def names_concept(text: str, concept: str) -> bool:
    """Whether every word of a concept of four letters or more, or its stem, stands in a text; every word where none is so long."""
    words = re.findall(r"[^\W_]+", concept.casefold())
    long = [word for word in words if len(word) >= 4] or words
    there = set(re.findall(r"[^\W_]+", text.casefold()))
    return all(any(other.startswith(word[: max(4, len(word) - 3)]) for other in there) for word in long)


@method(
    "corgi",
    paper="arXiv:2310.09518",
    makes=("sft",),
    roles=("teacher",),
    params=CorgiParams,
    calls=lambda params: {"teacher": 2},
    rereads=lambda params: 1,
    prepare=Preparation(
        plan,
        Curriculum,
        calls=lambda params, problems: {"teacher": problems + sum(map(len, params.subjects.values()))},
    ),
)
async def corgi(problem: Problem, models: Models, params: CorgiParams, curriculum: Curriculum) -> AsyncIterator[Sample]:
    """The teacher writes and answers a question about one concept of a curriculum, at one level of Bloom's taxonomy."""
    for place in curriculum.places:
        if place.problem_id != problem.id:
            continue
        written = await _ask(models, place, params)
        question = text_of(written)
        asked = replace(asked_problem(problem, question), task="open_question")
        fault = question_fault(question, written, models.source("question"), [], numeric=False)
        if fault is None and curriculum.least is not None and (place.similarity or 0.0) < curriculum.least:
            fault = "far_from_page"
        outcome = Answered(fault=fault) if fault else await answered(asked, models, params)
        if outcome.fault is None and not names_concept(f"{question} {outcome.replies[-1].text}", place.concept):
            outcome = replace(outcome, fault="concept_not_named")
        attrs = place.model_dump(exclude={"problem_id", "index"}) | {"curriculum_index": place.index}
        yield question_row(asked, models, [written], outcome, attrs)
