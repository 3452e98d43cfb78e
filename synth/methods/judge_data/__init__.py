"""Rows that teach to judge (RISE-Judge, arXiv:2502.11689): verdicts that hold in both orders, pairs where they do not.

Of a right and a wrong answer of the student the teacher says which is better, with its reasons, in both orders. Where both
verdicts name the right one, one of the two is an `sft` row. Where not, the item is hard: the student judges it several times, and
a right verdict against a wrong one is a pair. No item is in both sets; which order is learned is drawn, so that A and B win as
often.

    -- how often the order decides
    select avg(((notes->>'refused') = 'inconsistent_verdict')::int) from samples where method = 'judge_data' and kind = 'sft'

Where people said which of two answers is better (the source `preferences`, as the paper takes dialogues), these are the two, and
people's word stands in the place of the checker's.

So that no one wording is learned, the teacher puts what the judge is asked into other words once a night, and each item draws one
of these. What stands around the answers, and the form of the verdict, stay as they are.

    -- the wordings of a night
    select night, unnest(value->'$.checked') from artefacts where method = 'judge_data'
"""

import re
from collections.abc import AsyncIterator, Sequence

from pydantic import BaseModel, ConfigDict, Field

from storage.ids import seed_from
from synth.answers.outcome import Outcome
from synth.calls.ask import Reply
from synth.calls.models import Models
from synth.calls.together import readable, together
from synth.methods.base import Artefact, Preparation, method, whole
from synth.methods.drawn import DrawnParams
from synth.notes import Judgement, PreferenceNotes, SftNotes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.sample import Sample
from synth.scorers.pairwise import CRITERION, MAX_TOKENS, Verdict

PROMPT = "scorers/pairwise/compare"
PREFERRED = (
    "Which one would most people find the better answer: more helpful, more accurate, and no longer than it has to be?"
)
"""What is asked where people said which is better."""
LEAST_WORDS, MOST_WORDS = 4, 60
"""Of a wording; ours."""
_ASKS = re.compile(r"\b(?:which|better|best|right|correct|prefer\w*|stronger|superior)\b", re.IGNORECASE)
_NAMES = re.compile(r"\b(?:solution|answer|response|option)\s+[AB]\b|[{}]")


class JudgeDataParams(DrawnParams):
    """Parameters of `judge_data`."""

    samples: int = Field(
        4, ge=2, le=64, description="Answers of the student, of which a right and a wrong one are taken; ours."
    )
    judgements: int = Field(8, ge=2, le=64, description="Judgements of the student on a hard item; ours.")
    wordings: int = Field(
        8,
        ge=0,
        le=64,
        description="Times that the judge's question is put into other words a night; ours. 0 asks in ours alone.",
    )
    seed: int = Field(
        0, ge=0, description="Of the order and the wording that are learned; another seed draws otherwise."
    )


class Reworded(BaseModel):
    """What the teacher replies for the judge's question."""

    model_config = ConfigDict(extra="forbid")

    question: str = Field(description="the request in other words", min_length=1)


class Wordings(Artefact):
    """What the judge may be asked, ours first: about answers that a checker told apart, and about those that people did."""

    checked: tuple[str, ...]
    preferred: tuple[str, ...]


async def reword(problems: Sequence[Problem], models: Models, params: JudgeDataParams) -> Wordings:
    """Let the teacher put what the judge is asked into other words."""
    of_people = [problem for problem in problems if _by_people(problem)]
    checked = [problem for problem in problems if not _by_people(problem)]
    return Wordings(
        checked=await _in_other_words(CRITERION, checked, models, params),
        preferred=await _in_other_words(PREFERRED, of_people, models, params),
    )


async def _in_other_words(
    criterion: str, problems: Sequence[Problem], models: Models, params: JudgeDataParams
) -> tuple[str, ...]:
    """The question, and the distinct wordings of it that may be asked; the question alone where no problem needs it."""
    if not problems:
        return (criterion,)
    about = models.about(problems[0])
    replies = await readable(
        about.teacher(
            "rewrite",
            criterion=criterion,
            schema=Reworded,
            sample=number,
            **{**params.sampling, "max_tokens": MAX_TOKENS},
        )
        for number in range(params.wordings)
    )
    texts = [" ".join(reply.value.question.split()) for reply in replies if reply is not None]
    kept = {text.casefold(): text for text in [criterion, *texts] if text == criterion or _can_be_asked(text)}
    return tuple(kept.values())


def _can_be_asked(text: str) -> bool:
    """Whether a wording asks for the better of two and names neither of them."""
    return LEAST_WORDS <= len(text.split()) <= MOST_WORDS and _ASKS.search(text) is not None and not _NAMES.search(text)


def _by_people(problem: Problem) -> bool:
    return "chosen" in problem.attrs and "rejected" in problem.attrs


@method(
    "judge_data",
    paper="arXiv:2502.11689",
    makes=("sft", "preference"),
    roles=("student", "teacher"),
    params=JudgeDataParams,
    calls=lambda params: {"student": params.samples + params.judgements, "teacher": 2},
    rereads=lambda params: 2,
    prepare=Preparation(reword, Wordings, calls=lambda params, problems: {"teacher": 2 * params.wordings}),
)
async def judge_data(
    problem: Problem, models: Models, params: JudgeDataParams, wordings: Wordings
) -> AsyncIterator[Sample]:
    """The teacher says in both orders which of two answers is right; where it wavers the student's own verdicts become a pair."""
    pair = await _known_pair(problem, models, params)
    if pair is None:
        return  # there is nothing to tell apart
    right, wrong, answers = pair
    asked_by = wordings.checked if answers else wordings.preferred
    criterion = asked_by[seed_from("wording", problem.id, params.seed) % len(asked_by)]
    orders = [(right, wrong, "A"), (wrong, right, "B")]
    verdicts = await readable(
        models.teacher(PROMPT, first=first, second=second, criterion=criterion, schema=Verdict, max_tokens=MAX_TOKENS)
        for first, second, _ in orders
    )
    learned = seed_from("order", problem.id, params.seed) % 2
    first, second, wanted = orders[learned]
    agree = [
        reply is not None and reply.value.better == named for reply, (_, _, named) in zip(verdicts, orders, strict=True)
    ]
    asked = models.messages(PROMPT, first=first, second=second, criterion=criterion)
    attrs = {"order": learned, "wording": criterion, "consistent": all(agree) or not any(agree), "gold_pref": wanted}
    verdict = verdicts[learned]
    if verdict is not None:
        others = [reply.call_id for reply in verdicts if reply is not None and reply is not verdict]
        yield Sample(
            messages=asked,
            response=whole(verdict),
            attrs={**attrs, "set": "sft", "verdict": verdict.value.better},
            notes=SftNotes(
                judgement=Judgement(agrees=agree[learned], alone=True),
                refused=None if all(agree) else "inconsistent_verdict",
                complete=verdict.complete,
            ),
            parents=[*(reply.call_id for reply in answers), *others, verdict.call_id],
        )
    if not all(agree):
        async for sample in _hard(problem, models, params, (first, second, wanted), criterion, answers):
            yield sample


async def _known_pair(problem: Problem, models: Models, params: JudgeDataParams) -> tuple[str, str, list[Reply]] | None:
    """A right and a wrong answer and the replies that they are: what people said, or the student's by the checker."""
    if _by_people(problem):
        return problem.attrs["chosen"], problem.attrs["rejected"], []
    task = get_task(problem.task)
    answers = await together(
        models.student("solve", sample=number, **params.sampling) for number in range(params.samples)
    )
    outcomes = [task.check(problem, reply.text).outcome for reply in answers]
    if not {Outcome.CORRECT, Outcome.WRONG} <= set(outcomes):
        return None
    right, wrong = (answers[outcomes.index(outcome)] for outcome in (Outcome.CORRECT, Outcome.WRONG))
    return right.text, wrong.text, [right, wrong]


async def _hard(
    problem: Problem,
    models: Models,
    params: JudgeDataParams,
    order: tuple[str, str, str],
    criterion: str,
    answers: list[Reply],
) -> AsyncIterator[Sample]:
    """A right and a wrong verdict of the student on an item that the teacher wavers about, where there are both."""
    first, second, wanted = order
    replies = await readable(
        models.student(
            PROMPT,
            first=first,
            second=second,
            criterion=criterion,
            schema=Verdict,
            sample=number,
            **{**params.sampling, "max_tokens": MAX_TOKENS},
        )
        for number in range(params.judgements)
    )
    read = [reply for reply in replies if reply is not None]
    good = [reply for reply in read if reply.value.better == wanted]
    bad = [reply for reply in read if reply.value.better != wanted]
    if good and bad:
        yield Sample(
            kind="preference",
            messages=models.messages(PROMPT, first=first, second=second, criterion=criterion),
            response=whole(good[0]),
            rejected=whole(bad[0]),
            attrs={"set": "dpo", "wording": criterion, "n_right": len(good), "n_wrong": len(bad), "gold_pref": wanted},
            notes=PreferenceNotes(judgement=Judgement(agrees=True, alone=True), complete=good[0].complete),
            parents=[*(reply.call_id for reply in answers), bad[0].call_id, good[0].call_id],
        )
