"""Query expansion (JiuZhang-8B, arXiv:2501.14002): new questions made from a known one, with their solutions.

The paper takes the model's own check for it. That is weak, so ours solves every new question again, without showing the
solution, and accepts it when enough of these solutions agree with the one written.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

from pydantic import Field

from synth.answers.judge import equal_answers, judge, normalise
from synth.answers.outcome import Outcome
from synth.answers.responses.reading import final_answer
from synth.calls.models import Models
from synth.engines.base import RequestRefused
from synth.methods.base import Params, method, together
from synth.methods.copying import copied_line
from synth.methods.sections import accepts, sections
from synth.notes import Question, SftNotes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.problems.wording import canonical_question
from synth.sample import Sample

VOTING = {"temperature": 0.7}
"""Solutions that are to agree must be able to differ; ours."""


class QueryExpansionParams(Params):
    """Parameters of `query_expansion`."""

    questions: int = Field(2, ge=1, le=8, description="New questions to ask for (two, as the operator is described).")
    resolve: int = Field(
        4, ge=0, le=64, description="Times each is solved again; 0 trusts the model's own check; ours."
    )
    agreement: float = Field(0.75, ge=0, le=1, description="Share of these that must agree; ours.")
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
    calls=lambda params: {"teacher": 1 + params.questions * params.resolve},
    shows_gold=("expand",),
)
async def query_expansion(problem: Problem, models: Models, params: QueryExpansionParams) -> AsyncIterator[Sample]:
    """The teacher restates a solved question, makes new ones of it, and solves them; each is solved again to check it."""
    known_solution = get_task(problem.task).solve(problem)
    if known_solution is None:
        raise RequestRefused("no_solution", f"problem {problem.id} has no worked solution to restate")
    options: dict[str, Any] = {"temperature": params.temperature, "max_tokens": params.max_tokens}
    reply = await models.teacher(
        "expand", solution=models.form.rewrite(known_solution), count=params.questions, **options
    )
    copied = copied_line(reply.text, models.source("expand")) is not None
    read = sections(reply.text, ["statement", "question", "solution", "check"])
    asked = {canonical_question(problem.prompt)}
    for number in range(1, params.questions + 1):
        question, solution = read.get(f"question {number}", ""), read.get(f"solution {number}", "")
        claimed = final_answer(solution)
        tag = accepts(read.get(f"check {number}", ""))
        reason = "copied_prompt" if copied else _fault(question, solution, claimed, tag, asked)
        asked.add(canonical_question(question))
        variant = replace(problem, prompt=question or problem.prompt, gold=claimed or "", solution=None, attrs={})
        solved, agreeing = [], 0
        if reason is None and params.resolve:
            solved = await together(
                models.teacher("solve", problem=variant, sample=sample, essential=VOTING, **options)
                for sample in range(params.resolve)
            )
            agreeing = sum(judge(variant.gold, resolved.text).outcome is Outcome.CORRECT for resolved in solved)
            reason = None if agreeing >= params.agreement * params.resolve else "not_confirmed"
        yield Sample(
            messages=models.messages("solve", problem=variant),
            response=solution or reply.text,
            answer=None if claimed is None else normalise(claimed),
            attrs={
                "op": "query_exp",
                "variant_idx": number - 1,
                "self_tag": {True: "accept", False: "refuse", None: None}[tag],
                "self_reason": read.get(f"check {number}", ""),
                "statement": read.get("statement", ""),
                "question": question,
                **_confirmed(params.resolve if solved else 0, agreeing),
            },
            notes=SftNotes(
                question=Question(gold=None if claimed is None else normalise(claimed)),
                refused=reason,
                complete=reply.complete,
            ),
            parents=[*(resolved.call_id for resolved in solved), reply.call_id],
        )


def _fault(question: str, solution: str, claimed: str | None, tag: bool | None, asked: set[str]) -> str | None:
    """What speaks against a new question before it is solved again."""
    if not question or not solution:
        return "no_question" if not question else "no_solution"
    if tag is not True:
        return "self_refused" if tag is False else "no_verdict"
    if claimed is None or not equal_answers(claimed, claimed):
        return "no_answer"
    return "same_question" if canonical_question(question) in asked else None


def _confirmed(solved: int, agreeing: int) -> Mapping[str, Any]:
    return {"resolved": solved, "agreeing": agreeing, "agreement": round(agreeing / solved, 4) if solved else None}
