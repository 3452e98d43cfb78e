"""More thought where answers disagree (arXiv:2412.10827): chains are thought over until their answers agree enough.

Several chains answer. While the entropy of their answers is above a bound, each chain is read again with the request to look at
the problem from another side, and answers anew. The row is the first chain of the last round that gives the majority's answer;
where the chains never agree the majority of all rounds is only recorded, and the row refused.

    -- what further rounds are worth, and how often chains agree on something wrong
    select attrs->>'stopped_round' as round, count(*), avg((outcome = 'accepted')::int) from samples
    join decisions using (sample_id) where method = 'semantic_entropy' group by all order by all

Which sentence starts the thinking is chosen by task (the paper's task-specific prompt module): once a night the chains of some
problems are asked by each of several sentences, and the one whose answers have the lowest mean entropy is the task's; no gold
answer is looked at. Where nobody answers counts as the highest entropy there can be. The artefact has the table:

    select night, unnest(value->'$.tried') from artefacts where method = 'semantic_entropy'
"""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from itertools import groupby
from math import log2
from typing import Any

from pydantic import Field

from storage.ids import seed_from
from synth.answers.judge import equal_answers, majority
from synth.answers.votes import groups
from synth.calls.ask import Reply
from synth.calls.models import Models
from synth.calls.together import together
from synth.methods.base import Artefact, Preparation, method, whole
from synth.methods.drawn import DrawnParams
from synth.notes import Label, SftNotes
from synth.problems import get_task, task_names
from synth.problems.base import Problem
from synth.sample import Sample
from synth.scorers.entropy import entropy_of

TRIGGERS = (
    "Let's think step by step.",
    "Let's first say what is given and what is sought, and then work it out step by step.",
    "Let's solve this carefully, and check each calculation before the next.",
    "Let's make a plan, carry it out, and see whether the answer makes sense.",
)
"""Sentences that start the thinking: the well-known one, and ours after the paper's kinds."""


class SemanticEntropyParams(DrawnParams):
    """Parameters of `semantic_entropy`."""

    samples: int = Field(3, ge=2, le=32, description="Chains (the authors' code).")
    rounds: int = Field(3, ge=1, le=8, description="Rounds at most (the authors' code).")
    bound: float = Field(
        0.0, ge=0, description="Entropy in bits at which no further round is asked for (the authors' code)."
    )
    triggers: tuple[str, ...] = Field(
        TRIGGERS,
        description="Sentences to choose from by task; of one alone nothing is tried, without any `solve` asks.",
    )
    trials: int = Field(8, ge=1, le=256, description="Problems of a task that each sentence is tried on; ours.")


class Trial(Artefact):
    """What a sentence came to on a task: the mean entropy of the answers, in bits, and the share of the most frequent one."""

    task: str
    trigger: str
    problems: int
    entropy: float
    agreement: float


class Triggers(Artefact):
    """The sentence of each task, and the table that it was chosen from."""

    best: dict[str, str]
    tried: tuple[Trial, ...]


async def choose_triggers(problems: Sequence[Problem], models: Models, params: SemanticEntropyParams) -> Triggers:
    """Ask some problems of each task by each sentence, and take the one whose answers disagree least."""
    tried: list[Trial] = []
    if len(params.triggers) > 1:
        ordered = sorted(problems, key=lambda problem: (problem.task, seed_from("trigger", problem.id)))
        for task, members in groupby(ordered, key=lambda problem: problem.task):
            pool = list(members)[: params.trials]
            tried += [await _tried(task, trigger, pool, models, params) for trigger in params.triggers]
    best = {
        task: min(
            trials, key=lambda trial: (trial.entropy, -trial.agreement, params.triggers.index(trial.trigger))
        ).trigger
        for task, trials in ((task, list(trials)) for task, trials in groupby(tried, key=lambda trial: trial.task))
    }
    return Triggers(best=best, tried=tuple(tried))


async def _tried(
    task: str, trigger: str, pool: Sequence[Problem], models: Models, params: SemanticEntropyParams
) -> Trial:
    replies = await together(
        models.about(problem).teacher(
            "think",
            trigger=trigger,
            **params.sampling,
            sample=number,
        )
        for problem in pool
        for number in range(params.samples)
    )
    entropies, agreements = [], []
    for place, problem in enumerate(pool):
        own = replies[place * params.samples :][: params.samples]
        answers = [get_task(task).check(problem, reply.text).answer for reply in own]
        bits = entropy(answers)
        entropies.append(log2(params.samples) if bits is None else bits)
        agreements.append(majority(answers)[1] / params.samples)
    return Trial(
        task=task,
        trigger=trigger,
        problems=len(pool),
        entropy=round(sum(entropies) / len(pool), 4),
        agreement=round(sum(agreements) / len(pool), 4),
    )


def _most(params: SemanticEntropyParams, problems: int) -> dict[str, int]:
    tried = len(params.triggers) if len(params.triggers) > 1 else 0
    return {"teacher": tried * params.samples * min(problems, params.trials * len(task_names()))}


@method(
    "semantic_entropy",
    paper="arXiv:2412.10827",
    makes=("sft",),
    roles=("teacher",),
    params=SemanticEntropyParams,
    calls=lambda params: {"teacher": params.samples * params.rounds},
    rereads=lambda params: 1,
    prepare=Preparation(choose_triggers, Triggers, calls=_most),
)
async def semantic_entropy(
    problem: Problem, models: Models, params: SemanticEntropyParams, triggers: Triggers
) -> AsyncIterator[Sample]:
    """The teacher answers several times, and thinks again from other sides while its answers disagree."""
    options: dict[str, Any] = params.sampling
    task = get_task(problem.task)
    trigger = triggers.best.get(problem.task, next(iter(params.triggers), ""))
    inputs: dict[str, Any] = {"trigger": trigger} if trigger else {}
    prompt = "think" if trigger else "solve"
    rounds: list[list[Reply]] = []
    answers: list[list[str | None]] = []
    entropies: list[float | None] = []
    while len(rounds) < params.rounds:
        earlier = rounds[-1] if rounds else [None] * params.samples
        replies = await together(
            models.teacher(prompt, sample=number, **inputs, **options)
            if chain is None
            else models.teacher("other_sides", chain=chain.text, sample=number, **options)
            for number, chain in enumerate(earlier)
        )
        rounds.append(replies)
        answers.append([task.check(problem, reply.text).answer for reply in replies])
        entropies.append(entropy(answers[-1]))
        if entropies[-1] is not None and entropies[-1] <= params.bound:
            break
    agreed = entropies[-1] is not None and entropies[-1] <= params.bound
    last = answers[-1] if agreed else [answer for given in answers for answer in given]
    vote, votes = majority(last)
    chains = rounds[-1] if agreed else [reply for replies in rounds for reply in replies]
    chosen = _first(chains, last, vote)
    label = None
    if agreed and vote is not None and not problem.gold:
        label = Label(gold=vote, source="vote", share=votes / len(last))
    others = [reply.call_id for replies in rounds for reply in replies if reply is not chosen]
    yield Sample(
        messages=models.messages("solve"),
        response=whole(chosen),
        answer=vote,
        attrs={
            "trigger": trigger,
            "stopped_round": len(rounds) if agreed else None,
            "entropy": [None if value is None else round(value, 4) for value in entropies],
            "answers": answers,
            "votes": votes,
        },
        notes=SftNotes(
            label=label,
            refused=None if agreed else "no_answer" if vote is None else "persistent_disagreement",
            complete=chosen.complete,
        ),
        parents=[*others, chosen.call_id],
    )


def entropy(answers: Sequence[str | None]) -> float | None:
    """Return the entropy of the answers in bits; None where nobody answers."""
    counts = Counter(number for number in groups(answers) if number is not None)
    return entropy_of(list(counts.values())) if counts else None


def _first(chains: Sequence[Reply], answers: Sequence[str | None], vote: str | None) -> Reply:
    """The first chain that gives the majority's answer; the first of all where there is none."""
    pairs = zip(chains, answers, strict=True)
    return next(
        (reply for reply, answer in pairs if vote and answer and (answer == vote or equal_answers(vote, answer))),
        chains[0],
    )
