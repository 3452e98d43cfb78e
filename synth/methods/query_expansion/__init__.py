"""Query expansion (JiuZhang-8B, arXiv:2501.14002): new questions made from a known one, with their solutions.

The paper's operator writes the questions and their solutions at once and takes the model's own check for both. That is weak,
and too much for a small model. Ours asks for one thing at a time: a new question; several solutions of it, each by whoever has seen
no other; when enough of them agree, the question in other words, whose solutions must all agree too: what is read in two ways, or
makes no sense, is answered otherwise when it is worded otherwise; then whether question and solution are sound. The first solution
that agrees is the row's. A check counts only when the same model refuses the same question with a wrong solution: small models
accept anything.
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from pydantic import Field

from synth.answers.judge import equal_answers, majority, normalise
from synth.answers.numbers import format_number
from synth.answers.responses.reading import final_answer
from synth.calls.ask import Reply
from synth.calls.models import Models
from synth.engines.base import RequestRefused
from synth.methods.base import Params, method, together, whole
from synth.methods.copying import copied_line
from synth.methods.drawn import DIFFER
from synth.methods.sections import accepts, sections
from synth.notes import Question, SftNotes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.problems.equations import equations, false_equation
from synth.problems.founded import unfounded_number
from synth.problems.steps import thoughts_end
from synth.problems.wording import canonical_question
from synth.sample import Sample

_ASKS = re.compile(r"\?|\b(?:find|calculate|determine|compute|work out|how (?:many|much)|what)\b", re.IGNORECASE)
_QUANTITY = re.compile(
    r"\d[\d,]*(?:\.\d+)?(?:/\d+)?|\b(?:half|halves|twice|thrice|double|triple|quadruple|third|quarter|fourth|fifth|dozen|two|three|"
    r"four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|hundred|once|pair|couple|week|day|year|month|hour)s?\b",
    re.IGNORECASE,
)
"""Of GSM8K's 7,473 training problems all ask by one of `_ASKS`, all but 16 have two of these, one has the answer 0."""
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_QUESTION = ("new problem", "new question", "problem", "question")


class QueryExpansionParams(Params):
    """Parameters of `query_expansion`."""

    questions: int = Field(2, ge=1, le=8, description="New questions to ask for (two, as the operator is described).")
    resolve: int = Field(4, ge=0, le=64, description="Further solutions of each, which are to agree with one; ours.")
    agreement: float = Field(0.75, ge=0, le=1, description="Share of these that must agree; ours.")
    rewordings: int = Field(
        1,
        ge=0,
        le=8,
        description="Times that a question is said in other words and solved twice; all of these must agree too; ours.",
    )
    check: bool = Field(
        True,
        description="Ask whether question and solution are sound, as the operator does; off leaves it to agreement.",
    )
    temperature: float | None = Field(
        None, ge=0, description="Of the teacher; unpublished, so None lets the role or its model decide."
    )
    max_tokens: int = Field(2048, ge=1, description="Upper bound on each reply; ours.")


@method(
    "query_expansion",
    paper="arXiv:2501.14002",
    makes=("sft",),
    roles=("teacher",),
    tasks=("arithmetic", "math_word"),
    params=QueryExpansionParams,
    calls=lambda params: {
        "teacher": params.questions * (2 + params.resolve + 3 * params.rewordings + 2 * params.check)
    },
    rereads=lambda params: max(2, params.questions),  # a check reads a question and its solution
    shows_gold=("expand",),
)
async def query_expansion(problem: Problem, models: Models, params: QueryExpansionParams) -> AsyncIterator[Sample]:
    """The teacher makes new questions of a solved one and solves each several times; what agrees is checked and kept."""
    known_solution = get_task(problem.task).solve(problem)
    if known_solution is None:
        raise RequestRefused("no_solution", f"problem {problem.id} has no worked solution to restate")
    options: dict[str, Any] = {"temperature": params.temperature, "max_tokens": params.max_tokens}
    earlier: list[str] = []
    for number in range(params.questions):
        reply = await models.teacher(
            "expand", solution=models.form.rewrite(known_solution), earlier=tuple(earlier), sample=number, **options
        )
        statement, question = read_question(reply.text)
        reason = _fault(question, [problem.prompt, *earlier])
        if copied_line(reply.text, models.source("expand")) is not None:
            reason = "copied_prompt"
        variant = replace(problem, prompt=question or problem.prompt, gold="", solution=None, attrs={})
        solved, checked, replies = _Solved(), _Checked(), [reply]
        if reason is None:
            earlier.append(question)
            solutions = await together(
                models.teacher("solve", problem=variant, sample=sample, differ=DIFFER, **options)
                for sample in range(params.resolve + 1)
            )
            replies += solutions
            solved = _agree(solutions, question)
            reason = _unconfirmed(solved, params) or _odd(question, solved, problem)
        if reason is None:
            reworded = await _reword(models, variant, solved.answer or "", params.rewordings, options)
            reason, replies = reworded.refused, [*replies, *reworded.replies]
        if reason is None and params.check:
            checked = await _check(models, variant, solved, options)
            reason, replies = checked.refused, [*replies, *checked.replies]
        last = solved.chosen or replies[-1]
        yield Sample(
            messages=models.messages("solve", problem=variant),
            response=whole(last),
            answer=None if solved.answer is None else normalise(solved.answer),
            attrs={
                "op": "query_exp",
                "variant_idx": number,
                "self_tag": {True: "accept", False: "refuse", None: None}[checked.tag],
                "self_reason": checked.why,
                "statement": statement,
                "question": question,
                "resolved": solved.others,
                "agreeing": solved.agreeing,
                "agreement": round(solved.agreeing / solved.others, 4) if solved.others else None,
            },
            notes=SftNotes(
                question=Question(
                    gold=None if solved.answer is None else normalise(solved.answer), text=question or None
                ),
                refused=reason,
                complete=last.complete,
            ),
            parents=[*(other.call_id for other in replies if other is not last), last.call_id],
        )


@dataclass(frozen=True)
class _Solved:
    """What several solutions of one question came to.

    Attributes:
        answer: The answer that most have; None where none has a readable one.
        chosen: The first complete one that has it by true equations with numbers that it has.
        others: Solutions beside one.
        agreeing: How many of these have the same answer as it.
    """

    answer: str | None = None
    chosen: Reply | None = None
    others: int = 0
    agreeing: int = 0


@dataclass(frozen=True)
class _Checked:
    """What the teacher says of a question and its solution, and whether it says the same of a wrong solution."""

    tag: bool | None = None
    why: str = ""
    refused: str | None = None
    replies: tuple[Reply, ...] = ()


@dataclass(frozen=True)
class _Reworded:
    """What the question in other words came to: why it speaks against it, and the replies."""

    refused: str | None = None
    replies: tuple[Reply, ...] = ()


async def _reword(
    models: Models, variant: Problem, answer: str, rewordings: int, options: Mapping[str, Any]
) -> _Reworded:
    """Solve the question in other words, which nobody who solved it has seen; the first that disagrees ends it."""
    replies: list[Reply] = []
    for number in range(rewordings):
        reply = await models.teacher("reword", problem=variant, sample=number, differ=DIFFER, **options)
        replies.append(reply)
        wording = read_rewording(reply.text)
        if copied_line(reply.text, models.source("reword")) is not None:
            return _Reworded("copied_prompt", tuple(replies))
        if not _same_numbers(variant.prompt, wording) or _fault(wording, [variant.prompt]) is not None:
            return _Reworded("no_rewording", tuple(replies))
        solutions = await together(
            models.teacher("solve", problem=replace(variant, prompt=wording), sample=sample, differ=DIFFER, **options)
            for sample in range(2)
        )
        replies += solutions
        answers = [final_answer(solution.text) if solution.complete else None for solution in solutions]
        if any(own is None or not equal_answers(answer, own) for own in answers):
            return _Reworded("rewording_disagrees", tuple(replies))
    return _Reworded(replies=tuple(replies))


async def _check(models: Models, variant: Problem, solved: _Solved, options: Mapping[str, Any]) -> _Checked:
    solution = solved.chosen.text if solved.chosen else ""
    reply = await models.teacher("check", problem=variant, solution=solution, **options)
    tag, why = read_check(reply.text)
    if not tag:
        return _Checked(tag, why, "no_verdict" if tag is None else "self_refused", (reply,))
    control = await models.teacher("check", problem=variant, solution=spoil(solution, solved.answer or ""), **options)
    sound = read_check(control.text)[0] is False
    return _Checked(tag, why, None if sound else "accepts_anything", (reply, control))


def _agree(solutions: Sequence[Reply], question: str) -> _Solved:
    answers = [final_answer(solution.text) if solution.complete else None for solution in solutions]
    answer, votes = majority(answers)
    if answer is None:
        return _Solved(others=len(solutions) - 1)
    chosen = next(
        (
            solution
            for solution, own in zip(solutions, answers, strict=True)
            if own is not None
            and equal_answers(answer, own)
            and false_equation(solution.text) is None
            and unfounded_number(solution.text, question) is None
        ),
        None,
    )
    return _Solved(answer, chosen, len(solutions) - 1, votes - 1)


def _unconfirmed(solved: _Solved, params: QueryExpansionParams) -> str | None:
    """What speaks against a question that was solved."""
    if solved.answer is None or not equal_answers(solved.answer, solved.answer):
        return "no_answer"
    if solved.agreeing < params.agreement * solved.others:
        return "not_confirmed"
    return "no_sound_solution" if solved.chosen is None else None


def read_question(text: str) -> tuple[str, str]:
    """Read a reply to `expand`: the statement and the new problem, each empty where there is none.

    Lines below the question that calculate are a solution that was not asked for, and no part of the problem.
    """
    read = sections(text, [*_QUESTION, "statement", "solution", "answer", "its solution", "your reply"])
    headed = (value for key, value in read.items() if key.rstrip(" 0123456789") in _QUESTION)
    plain = text[thoughts_end(text) :].strip() if not read else ""
    question = next(filter(None, headed), plain if plain.endswith("?") else "")
    asked = question.rfind("?") + 1
    _, end_of_line, below = question[asked:].partition("\n")
    if asked and end_of_line and equations(below):
        question = question[: len(question) - len(below)]
    return read.get("statement", ""), question.strip("*_ \n")


def read_rewording(text: str) -> str:
    """Read a reply to `reword`: the question, with or without a heading."""
    read = sections(text, ["reworded problem", "reworded question", *_QUESTION, "solution", "answer"])
    headed = (value for key, value in read.items() if "problem" in key or "question" in key)
    return next(filter(None, headed), "" if read else text[thoughts_end(text) :]).strip("*_ \n")


def _numbers(text: str) -> set[str]:
    return set(map(normalise, _NUMBER.findall(text)))


def _same_numbers(question: str, wording: str) -> bool:
    """Whether a wording has every number of the question in digits; it may have more, which the question has in words."""
    return _numbers(question) <= _numbers(wording)


def spoil(solution: str, answer: str) -> str:
    """Return a solution with another answer, wherever its answer stands."""
    plain = normalise(answer)
    wrong = format_number(Fraction(plain) + 3) if re.fullmatch(r"-?\d+(?:\.\d+)?", plain) else f"not {plain}"
    return re.sub(rf"(?<![\w.,]){re.escape(answer)}(?![\w]|[.,]\d)", lambda _: wrong, solution)


def read_check(text: str) -> tuple[bool | None, str]:
    """Read a reply to `check`: its verdict, None where there is none or two, and its reason."""
    read = sections(text, ["reason", "verdict"])
    return accepts(read.get("verdict", "")), read.get("reason", "")


def _fault(question: str, earlier: Sequence[str]) -> str | None:
    """What speaks against a new question before it is solved."""
    if not question or _ASKS.search(question) is None:
        return "no_question"
    if len(_QUANTITY.findall(question)) < 2:
        return "too_few_numbers"
    return "same_question" if canonical_question(question) in map(canonical_question, earlier) else None


def _odd(question: str, solved: _Solved, seed: Problem) -> str | None:
    """What speaks against a question whose answer is known: it says it, it is the old one in other words, nothing is left, or
    it says what its solution does not need.

    Each is right once in a while (of GSM8K's training problems 5 % hold their answer, 3 of 7,473 have one below zero, and 11 %
    have a number in digits that their solution does not); a model that cannot make problems makes these, and its solutions agree
    on them.
    """
    answer, solution = solved.answer or "", solved.chosen.text if solved.chosen else ""
    if equal_answers(answer, "0"):
        return "zero_answer"
    if normalise(answer).startswith("-"):
        return "negative_answer"
    numbers = _numbers(question)
    if equal_answers(answer, seed.gold) and numbers <= _numbers(seed.prompt):
        return "same_question"
    if normalise(answer) in numbers:
        return "answer_in_question"
    return None if numbers <= _numbers(solution) else "unused_number"
