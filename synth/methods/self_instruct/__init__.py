"""Questions grown from a few (Self-Instruct, arXiv:2212.10560): some of the night's problems are shown, and the teacher goes on.

Once a night, in rounds: eight questions are shown, six of the night's and two that were written before, and the teacher goes on
with the list. A new question that is too like any that is there (ROUGE-L), too short or long, or asks for what is no text is left
out, and the artefact counts why. Each problem is then answered for one of the questions that were kept, so a night writes as many
at most.

    -- what was left out, and why
    select night, value->'$.left_out' from artefacts where method = 'self_instruct'
"""

import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import ClassVar

from pydantic import Field

from storage.ids import seed_from
from synth.calls.models import Models
from synth.calls.together import together
from synth.engines.base import RequestRefused
from synth.methods.base import Artefact, Preparation, method
from synth.methods.copying import copied_line
from synth.methods.writing import (
    NUMERIC,
    WritingParams,
    answered,
    asked_problem,
    has_number,
    question_row,
    text_of,
)
from synth.problems.base import Problem
from synth.sample import Sample

GO_ON = "self_instruct/go_on"
"""The prompt; by its whole name, since other methods grow questions too."""
UNSUITED = (
    "image",
    "images",
    "graph",
    "graphs",
    "picture",
    "pictures",
    "file",
    "files",
    "map",
    "maps",
    "draw",
    "plot",
    "go to",
)
"""Words of tasks that a text cannot do (the authors' code)."""
LEAST_WORDS, MOST_WORDS = 4, 150
"""Of a question, as in the authors' code."""
_UNSUITED = re.compile(rf"\b(?:{'|'.join(UNSUITED)})\b", re.IGNORECASE)
_ITEM = re.compile(
    r"^[ \t>*_#-]*(?:(?:question|problem)[ \t]+)?(\d{1,3})[.):][*_]*[ \t]+", re.IGNORECASE | re.MULTILINE
)


class SelfInstructParams(WritingParams):
    """Parameters of `self_instruct`."""

    of_questions: ClassVar[Mapping[str, float]] = {"temperature": 0.7, "top_p": 0.5}
    """How new questions are drawn (the authors' code)."""

    shown: int = Field(8, ge=2, le=32, description="Questions shown each time (the authors' code).")
    own: int = Field(2, ge=0, le=16, description="Of these, questions that were written before (the authors' code).")
    wanted: int = Field(4, ge=1, le=16, description="New questions asked for each time; ours.")
    rounds: int = Field(
        4, ge=1, le=32, description="Rounds in which the pool grows; ours, the paper goes on until it has 52,000."
    )
    rouge: float = Field(0.7, gt=0, le=1, description="ROUGE-L with any other from which on it is not new (the paper).")


class NewQuestion(Artefact):
    """A question that was kept, and the problem in whose attempt it is answered."""

    text: str
    round: int
    answered_for: str


class Grown(Artefact):
    """The questions of a night.

    Attributes:
        questions: Those that were kept, in the order of writing.
        left_out: How many were not, by reason.
    """

    questions: tuple[NewQuestion, ...]
    left_out: dict[str, int]


async def grow(problems: Sequence[Problem], models: Models, params: SelfInstructParams) -> Grown:
    """Let the teacher go on with lists of questions, round by round, and keep what is new."""
    pool: list[tuple[Problem, str, list[str]]] = []  # whose task it has, the question, its words
    words = [_words(problem.prompt) for problem in problems]
    left_out: Counter[str] = Counter()
    kept: list[NewQuestion] = []
    per_round = _calls_per_round(params, len(problems))
    for number in range(params.rounds):
        starts = sorted(problems, key=lambda problem: seed_from("start", number, problem.id, params.seed))[:per_round]
        lists = [_shown(start, problems, pool, number, params) for start in starts]
        replies = await together(
            models.about(start).teacher(
                GO_ON,
                questions=questions,
                wanted=params.wanted,
                numeric=start.task in NUMERIC,
                sample=number,
                **{**params.sampling, "essential": params.of_questions},
            )
            for start, questions in zip(starts, lists, strict=True)
        )
        for start, reply in zip(starts, replies, strict=True):
            for text in read_list(text_of(reply), whole=reply.complete)[: params.wanted]:
                own = _words(text)
                fault = _fault(text, models.source(GO_ON), numeric=start.task in NUMERIC)
                if fault is None and any(rouge_l(own, other) >= params.rouge for other in words):
                    fault = "like_another"
                if fault is not None or len(kept) == len(problems):
                    left_out[fault or "enough"] += 1
                    continue
                words.append(own)
                pool.append((start, text, own))
                kept.append(NewQuestion(text=text, round=number + 1, answered_for=""))
    if not kept:
        raise RequestRefused("no_question", f"the teacher wrote no question that is new ({dict(left_out)})")
    return Grown(questions=_given_out(kept, [start for start, _, _ in pool], problems), left_out=dict(left_out))


def _given_out(
    kept: Sequence[NewQuestion], starts: Sequence[Problem], problems: Sequence[Problem]
) -> tuple[NewQuestion, ...]:
    """Give each question a problem of the task of the one that it was written after."""
    free: dict[str, list[str]] = {}
    for problem in sorted(problems, key=lambda problem: problem.id, reverse=True):
        free.setdefault(problem.task, []).append(problem.id)
    answered = []
    for question, start in zip(kept, starts, strict=True):
        if free[start.task]:
            answered.append(question.model_copy(update={"answered_for": free[start.task].pop()}))
    return tuple(answered)


def _shown(
    start: Problem,
    problems: Sequence[Problem],
    pool: Sequence[tuple[Problem, str, list[str]]],
    number: int,
    params: SelfInstructParams,
) -> list[str]:
    """The questions of one list, of one task, in a drawn order."""

    def drawn(text: str) -> int:
        return seed_from("shown", number, start.id, text, params.seed)

    written = sorted((text for other, text, _ in pool if other.task == start.task), key=drawn)[: params.own]
    nights = sorted({problem.prompt for problem in problems if problem.task == start.task}, key=drawn)
    return sorted([*written, *nights[: params.shown - len(written)]], key=drawn)


def calls_to_grow(params: SelfInstructParams, problems: int) -> int:
    """Return the calls of `grow` for so many problems, at most."""
    return params.rounds * _calls_per_round(params, problems)


def _calls_per_round(params: SelfInstructParams, problems: int) -> int:
    return max(1, -(-problems // (params.wanted * params.rounds)))


def read_list(text: str, *, whole: bool) -> list[str]:
    """Return the questions of a numbered list; the last is left out where the reply was cut."""
    matches = list(_ITEM.finditer(text))
    ends = [*(match.start() for match in matches), len(text)][1:]
    items = [" ".join(text[match.end() : end].split()).strip("*_ ") for match, end in zip(matches, ends, strict=True)]
    return [item for item in (items if whole else items[:-1]) if item]


def _fault(text: str, template: str, *, numeric: bool) -> str | None:
    count = len(text.split())
    if not LEAST_WORDS <= count <= MOST_WORDS:
        return "length"
    if _UNSUITED.search(text):
        return "no_text_task"
    if copied_line(text, template) is not None:
        return "copied_prompt"
    return "no_number" if numeric and not has_number(text) else None


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())


def rouge_l(left: Sequence[str], right: Sequence[str]) -> float:
    """Return the F-measure of the longest common subsequence of two lists of words (ROUGE-L); 0 where one is empty."""
    if not left or not right:
        return 0.0
    row = [0] * (len(right) + 1)
    for word in left:
        before = row
        row = [0]
        for column, other in enumerate(right):
            row.append(before[column] + 1 if word == other else max(before[column + 1], row[column]))
    return 2 * row[-1] / (len(left) + len(right))


@method(
    "self_instruct",
    paper="arXiv:2212.10560",
    makes=("sft",),
    roles=("teacher",),
    tasks=("arithmetic", "math_word", "open_question"),
    params=SelfInstructParams,
    calls=lambda params: {"teacher": params.samples},
    rereads=lambda params: params.shown,
    prepare=Preparation(grow, Grown, calls=lambda params, problems: {"teacher": calls_to_grow(params, problems)}),
)
async def self_instruct(
    problem: Problem, models: Models, params: SelfInstructParams, grown: Grown
) -> AsyncIterator[Sample]:
    """The teacher answers a question that was grown from the night's; one that calls for a number by vote."""
    for question in grown.questions:
        if question.answered_for == problem.id:
            asked = asked_problem(problem, question.text)
            outcome = await answered(asked, models, params)
            yield question_row(asked, models, [], outcome, {"round": question.round})
