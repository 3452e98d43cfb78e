"""Questions bootstrapped from one with a known answer (MetaMath, arXiv:2309.12284).

* `rephrase`: the teacher rewords the question; the answer stays.
* `self_verification`: the teacher states question and answer as a fact; a number of the question becomes x, which is asked for.
* `fobar`: a number of the question becomes x, the answer is given ("If we know the answer is 5, what is x?"). No model writes it.

The teacher solves each new question; a row is right when it comes to the known answer: that of the question, or the number that was
masked. The fourth kind of the paper, new answers to the old question, is the method `rejection_sampling`.
"""

import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from pydantic import Field

from storage.ids import seed_from
from synth.answers.numbers import format_number, parse_number
from synth.calls.ask import Reply
from synth.calls.models import Models
from synth.methods.base import method, whole
from synth.methods.copying import copied_line
from synth.methods.drawn import DrawnParams
from synth.notes import Question, SftNotes
from synth.problems.base import Problem
from synth.problems.steps import thoughts_end
from synth.problems.wording import canonical_question
from synth.sample import Sample

Kind = Literal["rephrase", "self_verification", "fobar"]
_NUMBER = re.compile(r"(?<![\w.,/])\d[\d,]*(?:\.\d+)?(?![\w/]|[.,]\d)")
UNKNOWN = "What is the value of the unknown variable x?"


class MetamathParams(DrawnParams):
    """Parameters of `metamath`."""

    essential: ClassVar[Mapping[str, float]] = {"temperature": 0.7}
    """Of the teacher (the authors' code)."""

    kinds: tuple[Kind, ...] = Field(
        ("rephrase", "self_verification", "fobar"), min_length=1, description="Which questions are made."
    )
    seed: int = Field(0, ge=0, description="Of the number that is masked; another seed masks another one.")


@dataclass(frozen=True)
class Masked:
    """A text with one number replaced by x.

    Attributes:
        text: The text with x.
        value: The number, which is the answer.
    """

    text: str
    value: str


def numbers(text: str) -> Counter[str]:
    """Count the numbers that are written with digits in a text, by value."""
    values = (parse_number(number) for number in _NUMBER.findall(text))
    return Counter(format_number(value) for value in values if value is not None)


def mask(text: str, allowed: Counter[str], gold: str, seed: int) -> Masked | None:
    """Replace one number of a text by x: one that occurs once, that the question has, and that is not the answer itself.

    Args:
        text: The question, or a statement of it.
        allowed: Numbers of the question.
        gold: The answer.
        seed: Draws among several.
    """
    counts = numbers(text)
    choices = [
        (match, value)
        for match in _NUMBER.finditer(text)
        for value in numbers(match[0])
        if value in allowed and counts[value] == 1 and value != gold
    ]
    if not choices:
        return None
    match, value = choices[seed % len(choices)]
    return Masked(f"{text[: match.start()]}x{text[match.end() :]}", value)


@method(
    "metamath",
    paper="arXiv:2309.12284",
    makes=("sft",),
    roles=("teacher",),
    tasks=("arithmetic", "math_word"),
    params=MetamathParams,
    calls=lambda params: {"teacher": sum(1 if kind == "fobar" else 2 for kind in params.kinds)},
    rereads=lambda params: 1,
    shows_gold=("declare", "solve"),  # a backward question gives the answer; a reworded one does not
)
async def metamath(problem: Problem, models: Models, params: MetamathParams) -> AsyncIterator[Sample]:
    """The teacher solves a question in other words and backwards: with a number of it masked and its answer given."""
    if not problem.gold:
        return
    makers = {"rephrase": _rephrase, "self_verification": _self_verification, "fobar": _fobar}
    for kind in params.kinds:
        new = await makers[kind](problem, models, params)
        asked = replace(problem, prompt=new.question, gold="", solution=None, attrs={})
        if new.fault is not None:
            yield _sample(kind, new, asked, models, new.reply)
            continue
        reply = await models.teacher("solve", problem=asked, **params.sampling)
        yield _sample(kind, new, asked, models, reply)


@dataclass(frozen=True)
class _NewQuestion:
    """A new question.

    Attributes:
        question: Its text; what the teacher wrote where it cannot be used.
        gold: Its answer.
        fault: Why it cannot be asked, in a stable word.
        reply: The reply that it was made of.
        masked: Whether a number was masked, whose value is then the answer.
    """

    question: str
    gold: str | None
    fault: str | None = None
    reply: Reply | None = None
    masked: bool = False


async def _rephrase(problem: Problem, models: Models, params: MetamathParams) -> _NewQuestion:
    reply = await models.teacher("rephrase", **params.sampling)
    text = _without_thoughts(reply)
    fault = None
    if not text or not reply.complete:
        fault = "no_question"
    elif copied_line(reply.text, models.source("rephrase")) is not None:
        fault = "copied_prompt"
    elif numbers(text) != numbers(problem.prompt):
        fault = "numbers_changed"
    elif canonical_question(text) == canonical_question(problem.prompt):
        fault = "same_question"
    return _NewQuestion(text or problem.prompt, problem.gold, fault, reply)


async def _self_verification(problem: Problem, models: Models, params: MetamathParams) -> _NewQuestion:
    reply = await models.teacher("declare", **params.sampling)
    text = _without_thoughts(reply)
    if not text or not reply.complete:
        return _NewQuestion(problem.prompt, None, "no_statement", reply)
    if copied_line(reply.text, models.source("declare")) is not None:
        return _NewQuestion(text, None, "copied_prompt", reply)
    stated = numbers(text)
    if numbers(problem.prompt) - stated or not stated[problem.gold]:
        return _NewQuestion(text, None, "numbers_changed", reply)
    if text.endswith("?"):
        return _NewQuestion(text, None, "no_statement", reply)
    masked = mask(text, numbers(problem.prompt), problem.gold, seed_from("mask", problem.id, params.seed, "statement"))
    if masked is None:
        return _NewQuestion(text, None, "no_number_to_mask", reply)
    return _NewQuestion(f"{masked.text} {UNKNOWN}", masked.value, None, reply, masked=True)


async def _fobar(problem: Problem, models: Models, params: MetamathParams) -> _NewQuestion:
    seed = seed_from("mask", problem.id, params.seed)
    masked = mask(problem.prompt, numbers(problem.prompt), problem.gold, seed)
    if masked is None:
        return _NewQuestion(problem.prompt, None, "no_number_to_mask")
    backwards = f"If we know that the answer to the question above is {problem.gold}, what is the value of the unknown variable x?"
    return _NewQuestion(f"{masked.text}\n{backwards}", masked.value, None, None, masked=True)


def _without_thoughts(reply: Reply) -> str:
    return reply.text[thoughts_end(reply.text) :].strip()


def _sample(kind: Kind, new: _NewQuestion, asked: Problem, models: Models, reply: Reply | None) -> Sample:
    source: Literal["rule", "model"] = "rule" if kind == "fobar" else "model"
    return Sample(
        messages=models.messages("solve", problem=asked),
        response="" if reply is None else whole(reply),
        attrs={"aug_type": kind, "question": new.question, "masked_value": new.gold if new.masked else None},
        notes=SftNotes(question=Question(gold=new.gold, source=source, text=new.question), refused=new.fault),
        parents=[part.call_id for part in dict.fromkeys((new.reply, reply)) if part is not None],
    )
