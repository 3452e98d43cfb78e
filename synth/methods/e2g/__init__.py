"""Evidence to generate (E2G, arXiv:2401.05787): what the context says first, and the answer from that alone.

The teacher is asked twice, greedily. First it answers a question about a context and quotes what in the context says so. Then it
answers from these quotes alone (`shows: evidence`, the paper's short version) or from them and the context (`both`, the long
one). Each quote must stand in the context; the row is refused where less than nine tenths of them do. The row is the question
with the quotes and the second answer behind them, so what is learned is grounded first.

    -- whether the second answer is better than the first
    select avg((attrs->>'answer_1' = p.gold)::int) as first, avg((answer = p.gold)::int) as second
    from samples join problems p using (problem_id) where method = 'e2g'
"""

import re
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from synth.calls.models import Models
from synth.methods.base import Params, method
from synth.methods.writing import text_of
from synth.notes import SftNotes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.sample import Sample

GROUNDED = 0.9
"""Share of the quotes that must stand in the context, and of a quote's words that make it stand there; ours."""
_SENTENCE = re.compile(r"(?<=[.!?])\s+")


class E2GParams(Params):
    """Parameters of `e2g`."""

    shows: Literal["evidence", "both"] = Field(
        "evidence", description="What the second call is shown: the quotes alone, or with the context (the paper)."
    )
    max_tokens: int = Field(1024, ge=1, description="Upper bound on each reply; ours.")


class Evidence(BaseModel):
    """What the first call replies."""

    model_config = ConfigDict(extra="forbid")

    evidence: list[str] = Field(min_length=1, description="sentences of the context, word for word")
    answer: str = Field(description="the answer that they give")


@method(
    "e2g",
    paper="arXiv:2401.05787",
    makes=("sft",),
    roles=("teacher",),
    tasks=("arithmetic", "math_word"),
    params=E2GParams,
    calls=lambda params: {"teacher": 2},
    rereads=lambda params: 2,
)
async def e2g(problem: Problem, models: Models, params: E2GParams) -> AsyncIterator[Sample]:
    """The teacher quotes what a context says about the question, and answers from the quotes; both are learned."""
    context, question = split(problem.prompt)
    options: dict[str, Any] = {"max_tokens": params.max_tokens}
    first = await models.teacher("quote", context=context, question=question, schema=Evidence, **options)
    value: Evidence = first.value
    quotes = [" ".join(quote.split()) for quote in value.evidence if quote.strip()]
    grounded = sum(stands_in(quote, context) for quote in quotes) / len(quotes) if quotes else 0.0
    shown = context if params.shows == "both" else ""
    asked = replace(problem, prompt=question)
    second = await models.teacher("answer", problem=asked, evidence=quotes, context=shown, **options)
    evidence = "\n".join(f"- {quote}" for quote in quotes)
    answer = get_task(problem.task).check(problem, second.text).answer
    yield Sample(
        messages=models.messages("solve"),
        response=f"What is said about it:\n{evidence}\n\n{text_of(second)}",
        answer=answer,
        attrs={
            "answer_1": value.answer,
            "evidence": quotes,
            "evidence_mode": params.shows,
            "grounded_frac": round(grounded, 4),
            "evidence_share": round(sum(len(quote.split()) for quote in quotes) / max(1, len(context.split())), 4),
        },
        notes=SftNotes(
            refused="no_context" if not context else None if grounded >= GROUNDED else "evidence_not_in_context"
        ),
        parents=[first.call_id, second.call_id],
    )


def split(prompt: str) -> tuple[str, str]:
    """Return the context of a problem and its question: the sentences before the last, and the last."""
    sentences = _SENTENCE.split(prompt.strip())
    return " ".join(sentences[:-1]), sentences[-1]


def stands_in(quote: str, context: str) -> bool:
    """Whether a quote stands in a context, word for word, or shares nine tenths of its words with one of its sentences (F1)."""
    words = _words(quote)
    if f" {' '.join(words)} " in f" {' '.join(_words(context))} ":
        return bool(words)
    return any(_f1(words, _words(sentence)) >= GROUNDED for sentence in _SENTENCE.split(context))


def _f1(left: list[str], right: list[str]) -> float:
    shared = sum((Counter(left) & Counter(right)).values())
    return 2 * shared / (len(left) + len(right)) if shared else 0.0


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())
