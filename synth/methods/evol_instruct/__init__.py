"""Questions that evolve (Evol-Instruct, WizardLM, arXiv:2304.12244): harder ones in depth, others in breadth, failures left out.

In each round one of six ways is drawn: five make the question harder (a constraint more, deeper, more concrete, more steps of
thought, a more complicated input), one makes another question of the same field. A question is eliminated where it says no more
than the one before (the teacher is asked), repeats the prompt's words, or is answered by an apology or by nothing. The next
round goes on from the last question that was not eliminated, as in the paper; each that was not is a row.

    -- what each way yields
    select attrs->>'way' as way, count(*), avg((outcome = 'accepted')::int) from samples join decisions using (sample_id)
    where method = 'evol_instruct' group by all order by all
"""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

from pydantic import BaseModel, ConfigDict, Field, field_validator

from storage.ids import seed_from
from storage.unknown_names import unknown
from synth.calls.models import Models
from synth.calls.together import readable
from synth.methods.base import method
from synth.methods.writing import (
    NUMERIC,
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

DEPTH: Mapping[str, str] = {
    "constraint": "Add one more condition or requirement to it.",
    "deepen": "Let it ask further and deeper about the same matter.",
    "concretise": "Replace general notions in it by more specific ones.",
    "reasoning": "If it can be answered in a few simple thoughts, change it so that it takes several more.",
    "input": "Give it a more complicated input: a table, a list, a formula or a piece of data that has to be read first.",
}
"""The paper's five ways in depth, in our words."""
BREADTH = "breadth"
WAYS = (*DEPTH, BREADTH)
SORRY_WORDS = 80
"""An answer of fewer words than this that is sorry declines (the paper, elimination)."""
_STOP = frozenset({
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "from", "has", "have", "he", "i", "if", "in", "is", "it", "its",
    "no", "not", "of", "on", "or", "she", "so", "such", "that", "the", "their", "then", "there", "they", "this", "to", "was", "we",
    "were", "will", "with", "yes", "you", "your",
})  # fmt: skip


class EvolInstructParams(WritingParams):
    """Parameters of `evol_instruct`."""

    rounds: int = Field(4, ge=1, le=16, description="Rounds of evolution; reported of the paper, not re-read.")
    ways: tuple[str, ...] = Field(
        WAYS, min_length=1, description="Ways to draw from, each as likely as the other (the authors' prompts)."
    )
    max_tokens: int = Field(2048, ge=1, description="Upper bound on each reply; reported of the paper, not re-read.")

    @field_validator("ways")
    @classmethod
    def _there_are(cls, ways: tuple[str, ...]) -> tuple[str, ...]:
        for way in ways:
            if way not in WAYS:
                raise ValueError(unknown("way", way, WAYS))
        return ways


class Equality(BaseModel):
    """What the teacher says of two questions."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(description="in one sentence, what the second asks that the first does not, if anything")
    equal: bool = Field(description="whether both have the same requirements, depth and breadth")


@method(
    "evol_instruct",
    paper="arXiv:2304.12244",
    makes=("sft",),
    roles=("teacher",),
    tasks=("arithmetic", "math_word", "open_question"),
    params=EvolInstructParams,
    calls=lambda params: {"teacher": params.rounds * (2 + params.samples)},
    rereads=lambda params: 2,
)
async def evol_instruct(problem: Problem, models: Models, params: EvolInstructParams) -> AsyncIterator[Sample]:
    """The teacher makes a question harder or another of its kind, round by round; what adds nothing is eliminated."""
    current, numeric = problem.prompt, problem.task in NUMERIC
    for number in range(params.rounds):
        way = params.ways[seed_from("way", problem.id, number, params.seed) % len(params.ways)]
        prompt = BREADTH if way == BREADTH else "depth"
        written = await models.teacher(
            prompt,
            question=current,
            change=DEPTH.get(way, ""),
            numeric=numeric,
            sample=number,
            **params.sampling,
        )
        question, parts = text_of(written), [written]
        asked = asked_problem(problem, question)
        fault = question_fault(question, written, models.source(prompt), [problem.prompt, current], numeric=numeric)
        if fault is None:
            (equality,) = await readable(
                [models.teacher("equal", first=current, second=question, schema=Equality, max_tokens=params.max_tokens)]
            )
            parts += [equality] if equality is not None else []
            fault = "unreadable_equality" if equality is None else "no_gain" if equality.value.equal else None
        outcome = Answered(fault=fault)
        if fault is None:
            outcome = await answered(asked, models, params)
            if outcome.fault is None and declines(text_of(outcome.replies[-1])):
                outcome = replace(outcome, gold=None, fault="answer_declines")
        yield question_row(
            asked, models, [*parts[1:], written], outcome, {"way": way, "round": number + 1, "evolved_from": current}
        )
        if outcome.fault in (None, "too_few_votes"):
            current = question


def declines(answer: str) -> bool:
    """Whether an answer is a short apology, or has nothing but punctuation and stop words (the paper, elimination)."""
    words = re.findall(r"[^\W_]+", answer.casefold())
    return all(word in _STOP for word in words) or ("sorry" in words and len(words) < SORRY_WORDS)
