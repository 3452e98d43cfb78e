"""Problems by persona (Tulu 3, arXiv:2411.15124; Persona Hub, arXiv:2406.20094): who asks makes questions differ.

Once a night the teacher describes, for some of the night's problems, a person who might have asked it (text to persona). For each
problem a persona is drawn, never that of the problem itself, and the teacher writes a new problem that this person would meet.
Nobody knows its answer: the teacher solves it several times, and the answer of enough of them is taken for its gold answer
(`gold_source: vote`). The first solution with that answer is the row; a problem on which too few agree is refused.
"""

import re
from collections.abc import AsyncIterator, Sequence

from pydantic import Field

from storage.ids import seed_from
from synth.calls.models import Models
from synth.calls.together import together
from synth.engines.base import RequestRefused
from synth.methods.base import Artefact, Preparation, method
from synth.methods.copying import copied_line
from synth.methods.writing import (
    Answered,
    WritingParams,
    answered,
    asked_problem,
    question_fault,
    question_row,
    retells,
    text_of,
)
from synth.problems.base import Problem
from synth.sample import Sample

_NUMBER = re.compile(r"(?<!\w)\d+(?!\w)")
MOST_WORDS = 60
"""Longest description of a person that is kept, in words; ours."""


class PersonasParams(WritingParams):
    """Parameters of `personas`."""

    personas: int = Field(
        64, ge=2, le=4096, description="Persons that are described a night; ours, the papers have far more."
    )


class Persona(Artefact):
    """A person, and the problem whose text she was guessed from."""

    problem_id: str
    text: str


class Personas(Artefact):
    """The persons of a night, no two in the same words."""

    known: tuple[Persona, ...]


async def describe(problems: Sequence[Problem], models: Models, params: PersonasParams) -> Personas:
    """Describe a person who might ask each of some problems."""
    drawn = sorted(problems, key=lambda problem: seed_from("persona", problem.id, params.seed))[: params.personas]
    replies = await together(models.about(problem).teacher("describe", **params.sampling) for problem in drawn)
    known: dict[str, Persona] = {}
    for problem, reply in zip(drawn, replies, strict=True):
        text = text_of(reply)
        copied = copied_line(reply.text, models.source("describe")) is not None or _retells(text, problem)
        if text and reply.complete and not copied and len(text.split()) <= MOST_WORDS:
            known.setdefault(text.casefold(), Persona(problem_id=problem.id, text=text))
    if len(known) < 2:
        raise RequestRefused("no_persona", "the teacher described fewer than two persons in a sentence or two each")
    return Personas(known=tuple(known.values()))


def _retells(text: str, problem: Problem) -> bool:
    """Whether a description is the problem told again: with a number of it, or with most of a sentence of it."""
    numbers = set(_NUMBER.findall(problem.prompt)) & set(_NUMBER.findall(text))
    return bool(numbers) or copied_line(text, problem.prompt) is not None


@method(
    "personas",
    paper="arXiv:2411.15124",
    makes=("sft",),
    roles=("teacher",),
    tasks=("arithmetic", "math_word"),
    params=PersonasParams,
    calls=lambda params: {"teacher": 1 + params.samples},
    rereads=lambda params: 1,
    prepare=Preparation(describe, Personas, calls=lambda params, problems: {"teacher": min(problems, params.personas)}),
)
async def personas(problem: Problem, models: Models, params: PersonasParams, known: Personas) -> AsyncIterator[Sample]:
    """The teacher writes a problem that a person of the night would meet; it is solved by vote, if enough solutions agree."""
    others = [persona for persona in known.known if persona.problem_id != problem.id]
    persona = others[seed_from("drawn", problem.id, params.seed) % len(others)]
    written = await models.teacher("write", persona=persona.text, **params.sampling)
    question = text_of(written)
    asked = asked_problem(problem, question)
    fault = question_fault(question, written, models.source("write"), [problem.prompt], numeric=True)
    if fault is None and retells(question, [problem.prompt]):
        fault = "retells_example"
    outcome = Answered(fault=fault) if fault else await answered(asked, models, params)
    yield question_row(asked, models, [written], outcome, {"persona": persona.text, "persona_of": persona.problem_id})
