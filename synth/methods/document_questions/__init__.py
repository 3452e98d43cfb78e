"""Questions from documents of one's own: each is answered by what the passage says, and by as many solutions as agree.

For each passage of the source `documents` the teacher writes a question, the sentence of the passage that answers it, and the
answer. The sentence must stand in the passage word for word, and the question must not speak of "the passage". Several solutions
that see the passage then vote; the answer of enough of them is the gold answer (`gold_source: vote`), if every word of it stands
in the passage or it is a number. The row asks the question alone (`learn: closed`), so the passage is learned by heart and is
nowhere in the prompt, or with the passage before it (`learn: open`).

    -- why questions were refused, by document
    select attrs->>'document' as document, notes->>'refused' as refused, count(*) from samples
    where method = 'document_questions' group by all order by all
"""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from synth.answers.numbers import parse_number
from synth.calls.models import Models
from synth.methods.base import method
from synth.methods.writing import Answered, WritingParams, answered, question_row, text_of
from synth.problems.base import Problem
from synth.sample import Sample

_REFERS = re.compile(
    r"\b(?:the|this|that|above|given|following)\s+(?:\w+\s+)?(?:passage|text|paragraph|excerpt|document|article|section|context|author)\b"
    r"|\b(?:according to|as (?:stated|described|mentioned) (?:in|above)|mentioned above)\b",
    re.IGNORECASE,
)


class DocumentQuestionsParams(WritingParams):
    """Parameters of `document_questions`."""

    questions: int = Field(2, ge=1, le=16, description="Questions of each passage; ours.")
    samples: int = Field(4, ge=1, le=64, description="Solutions of each question, which vote; ours.")
    share: float = Field(0.75, ge=0, le=1, description="Share of the solutions that must agree; ours.")
    learn: Literal["closed", "open"] = Field(
        "closed", description="Rows that ask without the passage, or with it before the question."
    )


class Written(BaseModel):
    """What the teacher replies."""

    model_config = ConfigDict(extra="forbid")

    question: str = Field(min_length=1, description="a question that stands for itself")
    evidence: str = Field(min_length=1, description="the sentence of the passage that answers it, word for word")
    answer: str = Field(min_length=1, description="the answer in at most six words")


@method(
    "document_questions",
    paper="ours",
    makes=("sft",),
    roles=("teacher",),
    tasks=("passage",),
    params=DocumentQuestionsParams,
    calls=lambda params: {"teacher": params.questions * (1 + params.samples)},
    rereads=lambda params: 2 + params.questions,
)
async def document_questions(
    problem: Problem, models: Models, params: DocumentQuestionsParams
) -> AsyncIterator[Sample]:
    """The teacher writes questions that a passage answers; solutions that see the passage vote for the answer."""
    earlier: list[str] = []
    for number in range(params.questions):
        written = await models.teacher("write", schema=Written, earlier=list(earlier), sample=number, **params.sampling)
        value: Written = written.value
        question = " ".join(value.question.split())
        asked = replace(problem, task="math_word", prompt=question, attrs={})
        fault = _fault(value, question, problem.prompt, earlier)
        outcome = Answered(fault=fault)
        if fault is None:
            outcome = await answered(asked, models, params, "answer_from", passage=problem.prompt)
            if outcome.gold is not None and not _in_passage(outcome.gold, problem.prompt):
                outcome = replace(outcome, gold=None, fault="answer_not_in_passage")
            elif outcome.fault is None and params.learn == "closed" and _REFERS.search(text_of(outcome.replies[-1])):
                outcome = replace(outcome, fault="refers_to_passage")
        earlier.append(question)
        shown = {"passage": problem.prompt}
        messages = models.messages("answer_from", problem=asked, **shown) if params.learn == "open" else None
        attrs = {
            **{name: problem.attrs.get(name) for name in ("document", "passage")},
            "evidence": value.evidence,
            "written_answer": value.answer,
            "learn": params.learn,
        }
        yield question_row(asked, models, [written], outcome, attrs, messages)


def _fault(written: Written, question: str, passage: str, earlier: list[str]) -> str | None:
    """Why what was written is no question that the passage answers, in a stable word."""
    if _plain(question) in map(_plain, earlier):
        return "same_question"
    if len(_plain(written.evidence).split()) < 3 or _plain(written.evidence) not in _plain(passage):
        return "evidence_not_in_passage"
    return "refers_to_passage" if _REFERS.search(question) else None


def _in_passage(answer: str, passage: str) -> bool:
    words = set(_plain(passage).split())
    return parse_number(answer) is not None or set(_plain(answer).split()) <= words


def _plain(text: str) -> str:
    """The words of a text in lower case, one space between them."""
    return " ".join(re.findall(r"[^\W_]+", text.casefold()))
