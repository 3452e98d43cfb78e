"""Problems by persona (Tulu 3, arXiv:2411.15124; Persona Hub, arXiv:2406.20094): who asks makes questions differ.

Once a night the teacher describes, for some of the night's problems, a person who might have asked it (text to persona). For each
problem a persona is drawn, never that of the problem itself, and the teacher writes a new problem that this person would meet.
Nobody knows its answer: the teacher solves it several times, and the answer of enough of them is taken for its gold answer
(`gold_source: vote`). The first solution with that answer is the row; a problem on which too few agree is refused.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

from pydantic import Field

from storage.ids import seed_from
from synth.answers.judge import majority
from synth.answers.numbers import parse_number
from synth.calls.ask import Reply
from synth.calls.models import Models
from synth.calls.together import together
from synth.engines.base import RequestRefused
from synth.methods.base import Artefact, Params, Preparation, method, whole
from synth.methods.copying import copied_line
from synth.notes import Question, SftNotes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.problems.steps import thoughts_end
from synth.problems.wording import canonical_question
from synth.sample import Sample

MOST_WORDS = 60
"""Longest description of a person that is kept, in words; ours."""


class PersonasParams(Params):
    """Parameters of `personas`."""

    personas: int = Field(
        64, ge=2, le=4096, description="Persons that are described a night; ours, the papers have far more."
    )
    samples: int = Field(8, ge=2, le=64, description="Solutions of each new problem, which vote; ours.")
    share: float = Field(0.5, ge=0, le=1, description="Share of the solutions that must agree; ours.")
    temperature: float = Field(0.7, ge=0, description="Of persons, problems and solutions; ours.")
    max_tokens: int = Field(1024, ge=1, description="Upper bound on each reply; ours.")
    seed: int = Field(0, ge=0, description="Of the draw of persons; another seed draws others.")


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
    replies = await together(
        models.about(problem).teacher("describe", temperature=params.temperature, max_tokens=params.max_tokens)
        for problem in drawn
    )
    known: dict[str, Persona] = {}
    for problem, reply in zip(drawn, replies, strict=True):
        text = _said(reply)
        copied = copied_line(reply.text, models.source("describe")) is not None
        if text and reply.complete and not copied and len(text.split()) <= MOST_WORDS:
            known.setdefault(text.casefold(), Persona(problem_id=problem.id, text=text))
    if len(known) < 2:
        raise RequestRefused("no_persona", "the teacher described fewer than two persons in a sentence or two each")
    return Personas(known=tuple(known.values()))


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
    options: dict[str, Any] = {"temperature": params.temperature, "max_tokens": params.max_tokens}
    written = await models.teacher("write", persona=persona.text, **options)
    question = _said(written)
    asked = replace(problem, task="math_word", prompt=question, gold="", solution=None, attrs={})
    fault = _fault(question, written, problem, models)
    if fault is not None:
        yield _sample(asked, models, persona, written, [], fault, None)
        return
    replies = await together(
        models.teacher("solve", problem=asked, sample=number, **options) for number in range(params.samples)
    )
    task = get_task("math_word")
    answers = [task.check(asked, reply.text).answer for reply in replies]
    vote, votes = majority(answers)
    if vote is None or votes / params.samples < params.share:
        yield _sample(asked, models, persona, written, replies, "too_few_votes", None)
        return
    agreeing = [reply for reply, answer in zip(replies, answers, strict=True) if majority([vote, answer])[1] == 2]
    ordered = [reply for reply in replies if reply is not agreeing[0]] + [agreeing[0]]
    yield _sample(asked, models, persona, written, ordered, None, vote, votes / params.samples)


def _fault(question: str, written: Reply, problem: Problem, models: Models) -> str | None:
    """Why what the teacher wrote is no new problem, in a stable word."""
    if not question or not written.complete:
        return "no_question"
    if copied_line(written.text, models.source("write")) is not None:
        return "copied_prompt"
    if not any(parse_number(word.strip(".,;:?!$%()")) is not None for word in question.split()):
        return "no_number"
    return "same_question" if canonical_question(question) == canonical_question(problem.prompt) else None


def _said(reply: Reply) -> str:
    return reply.text[thoughts_end(reply.text) :].strip()


def _sample(
    asked: Problem,
    models: Models,
    persona: Persona,
    written: Reply,
    solved: Sequence[Reply],
    fault: str | None,
    vote: str | None,
    share: float | None = None,
) -> Sample:
    return Sample(
        messages=models.messages("solve", problem=asked),
        response=whole(solved[-1]) if solved else written.text,
        answer=vote,
        attrs={"persona": persona.text, "persona_of": persona.problem_id, "votes": share, "question": asked.prompt},
        notes=SftNotes(
            question=Question(gold=vote, source="vote"),
            refused=fault,
            complete=written.complete and (solved[-1].complete if solved else True),
        ),
        parents=[written.call_id, *(reply.call_id for reply in solved)],
    )
