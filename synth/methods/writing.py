"""What methods that write their own questions share: what is no question, and who says what its answer is.

A question that calls for a number (of the tasks `arithmetic` and `math_word`) is solved several times; the answer of enough of the
solutions is its gold answer (`gold_source: vote`), and the first solution with it is the row. Any other question is answered
once, nobody knows whether rightly, and the row says so (`gold_source: none`): the filter `answer` calls it `unknown`, so such rows
are accepted by `policy: {METHOD: {accept_unknown: [answer]}}` alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import Field

from synth.answers.judge import equal_answers, majority
from synth.answers.numbers import parse_number
from synth.calls.ask import Reply
from synth.calls.models import Models
from synth.calls.together import together
from synth.engines.base import Message
from synth.methods.base import whole
from synth.methods.copying import copied_line, repeats
from synth.methods.drawn import DrawnParams
from synth.notes import Question, SftNotes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.problems.steps import thoughts_end
from synth.problems.wording import canonical_question
from synth.sample import Sample

NUMERIC = frozenset({"arithmetic", "math_word"})
"""Tasks of which a new question is one that calls for a number."""


class WritingParams(DrawnParams):
    """What every method that writes questions lets a recipe say."""

    samples: int = Field(8, ge=1, le=64, description="Solutions of each new question, which vote; ours.")
    share: float = Field(0.5, ge=0, le=1, description="Share of the solutions that must agree; ours.")
    seed: int = Field(0, ge=0, description="Of what is drawn; another seed draws otherwise.")


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of a new question.

    Attributes:
        replies: Every solution, the one that is learned last; none where the question cannot be asked.
        gold: Its answer by vote; None where nobody knows it.
        share: Share of the votes for it; None where there was no vote.
        fault: Why it makes no row, in a stable word.
    """

    replies: tuple[Reply, ...] = ()
    gold: str | None = None
    share: float | None = None
    fault: str | None = None


def asked_problem(problem: Problem, question: str) -> Problem:
    """Return the problem that a new question is, made from another."""
    task = "math_word" if problem.task in NUMERIC else "open_question"
    return replace(problem, task=task, prompt=question, gold="", solution=None, attrs={}, gold_source="none")


def text_of(reply: Reply) -> str:
    """Return what a reply says after its thoughts."""
    return reply.text[thoughts_end(reply.text) :].strip()


def has_number(text: str) -> bool:
    """Whether a number in digits stands in a text."""
    return any(parse_number(word.strip(".,;:?!$%()")) is not None for word in text.split())


def question_fault(
    question: str, written: Reply, template: str, earlier: Sequence[str], *, numeric: bool
) -> str | None:
    """Why what a model wrote is no new question, in a stable word; None where it may be one.

    Args:
        question: The question, as it was read from the reply.
        written: The reply.
        template: Source of the prompt that asked for it.
        earlier: Questions that it must not be, in other letters.
        numeric: Whether it has to name a number.
    """
    if not question or not written.complete:
        return "no_question"
    if copied_line(written.text, template) is not None:
        return "copied_prompt"
    if numeric and not has_number(question):
        return "no_number"
    form = canonical_question(question)
    return "same_question" if form in map(canonical_question, earlier) else None


def retells(question: str, examples: Iterable[str]) -> bool:
    """Whether a question that was to be about something else is one of the examples with hardly a word changed."""
    return any(repeats(example, question) for example in examples)


async def answered(
    asked: Problem, models: Models, params: WritingParams, prompt: str = "solve", **inputs: Any
) -> Answered:
    """Let the teacher answer a new question: by vote where it calls for a number, else once.

    Args:
        asked: The question.
        models: Those of the attempt.
        params: How many solutions, and how they are sampled.
        prompt: Prompt of the solutions.
        inputs: Values for it, besides `problem`.
    """
    if asked.task != "math_word":
        reply = await models.teacher(prompt, problem=asked, **inputs, **params.sampling)
        return Answered((reply,), fault=None if text_of(reply) else "no_answer")
    replies = await together(
        models.teacher(prompt, problem=asked, sample=number, **inputs, **params.sampling)
        for number in range(params.samples)
    )
    task = get_task(asked.task)
    answers = [task.check(asked, reply.text).answer for reply in replies]
    vote, votes = majority(answers)
    share = votes / len(replies)
    if vote is None or share < params.share:
        return Answered(tuple(replies), share=share if vote else None, fault="too_few_votes")
    first = next(
        reply
        for reply, answer in zip(replies, answers, strict=True)
        if answer is not None and (answer == vote or equal_answers(vote, answer))
    )
    return Answered((*(reply for reply in replies if reply is not first), first), vote, share)


def question_row(
    asked: Problem,
    models: Models,
    written: Sequence[Reply],
    outcome: Answered,
    attrs: Mapping[str, Any],
    messages: Sequence[Message] | None = None,
) -> Sample:
    """Return the row of a new question.

    Args:
        asked: The question.
        models: Those of the attempt.
        written: The replies that it was made of, the last of which is learned where it was never answered.
        outcome: What became of it.
        attrs: The method's own columns.
        messages: The chat that the row asks by; None asks the question alone.
    """
    learned = outcome.replies[-1] if outcome.replies else None
    return Sample(
        messages=models.messages("solve", problem=asked) if messages is None else messages,
        response=whole(learned) if learned else written[-1].text if written else "",
        answer=outcome.gold,
        attrs={**attrs, "question": asked.prompt, "votes": outcome.share},
        notes=SftNotes(
            question=Question(gold=outcome.gold, text=asked.prompt or None, source="vote" if outcome.gold else "model"),
            refused=outcome.fault,
            complete=all(reply.complete for reply in (*written, *((learned,) if learned else ()))),
        ),
        parents=[*dict.fromkeys(reply.call_id for reply in (*written, *outcome.replies))],
    )
