"""Rows that teach to judge (RISE-Judge, arXiv:2502.11689): verdicts that hold in both orders, pairs where they do not.

Of a right and a wrong answer of the student the teacher says which is better, with its reasons, in both orders. Where both
verdicts name the right one, one of the two is an `sft` row. Where not, the item is hard: the student judges it several times, and
a right verdict against a wrong one is a pair. No item is in both sets; which order is learned is drawn, so that A and B win as
often.

    -- how often the order decides
    select avg(((notes->>'refused') = 'inconsistent_verdict')::int) from samples where method = 'judge_data' and kind = 'sft'

Where people said which of two answers is better (the source `preferences`, as the paper takes dialogues), these are the two, and
people's word stands in the place of the checker's.

Not here: rewriting the judge's prompt in many ways.
"""

from collections.abc import AsyncIterator

from pydantic import Field

from storage.ids import seed_from
from synth.answers.outcome import Outcome
from synth.calls.ask import Reply
from synth.calls.models import Models
from synth.calls.together import readable, together
from synth.methods.base import Params, method, whole
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


class JudgeDataParams(Params):
    """Parameters of `judge_data`."""

    samples: int = Field(
        4, ge=2, le=64, description="Answers of the student, of which a right and a wrong one are taken; ours."
    )
    judgements: int = Field(8, ge=2, le=64, description="Judgements of the student on a hard item; ours.")
    temperature: float = Field(1.0, ge=0, description="Of the student's answers and judgements; ours.")
    max_tokens: int = Field(1024, ge=1, description="Upper bound on each answer; ours.")
    seed: int = Field(0, ge=0, description="Of the order that is learned; another seed draws otherwise.")


@method(
    "judge_data",
    paper="arXiv:2502.11689",
    makes=("sft", "preference"),
    roles=("student", "teacher"),
    params=JudgeDataParams,
    calls=lambda params: {"student": params.samples + params.judgements, "teacher": 2},
    rereads=lambda params: 2,
)
async def judge_data(problem: Problem, models: Models, params: JudgeDataParams) -> AsyncIterator[Sample]:
    """The teacher says in both orders which of two answers is right; where it wavers the student's own verdicts become a pair."""
    known = await _known_pair(problem, models, params)
    if known is None:
        return  # there is nothing to tell apart
    right, wrong, answers = known
    criterion = CRITERION if answers else PREFERRED
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
    attrs = {"order": learned, "consistent": all(agree) or not any(agree), "gold_pref": wanted}
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
        async for sample in _hard(problem, models, params, (first, second, wanted), answers):
            yield sample


async def _known_pair(problem: Problem, models: Models, params: JudgeDataParams) -> tuple[str, str, list[Reply]] | None:
    """A right and a wrong answer and the replies that they are: what people said, or the student's by the checker."""
    if "chosen" in problem.attrs and "rejected" in problem.attrs:
        return problem.attrs["chosen"], problem.attrs["rejected"], []
    task = get_task(problem.task)
    answers = await together(
        models.student("solve", temperature=params.temperature, max_tokens=params.max_tokens, sample=number)
        for number in range(params.samples)
    )
    outcomes = [task.check(problem, reply.text).outcome for reply in answers]
    if not {Outcome.CORRECT, Outcome.WRONG} <= set(outcomes):
        return None
    right, wrong = (answers[outcomes.index(outcome)] for outcome in (Outcome.CORRECT, Outcome.WRONG))
    return right.text, wrong.text, [right, wrong]


async def _hard(
    problem: Problem, models: Models, params: JudgeDataParams, order: tuple[str, str, str], answers: list[Reply]
) -> AsyncIterator[Sample]:
    """A right and a wrong verdict of the student on an item that the teacher wavers about, where there are both."""
    first, second, wanted = order
    criterion = CRITERION if answers else PREFERRED
    replies = await readable(
        models.student(
            PROMPT,
            first=first,
            second=second,
            criterion=criterion,
            schema=Verdict,
            temperature=params.temperature,
            max_tokens=MAX_TOKENS,
            sample=number,
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
            attrs={"set": "dpo", "n_right": len(good), "n_wrong": len(bad), "gold_pref": wanted},
            notes=PreferenceNotes(judgement=Judgement(agrees=True, alone=True), complete=good[0].complete),
            parents=[*(reply.call_id for reply in answers), bad[0].call_id, good[0].call_id],
        )
