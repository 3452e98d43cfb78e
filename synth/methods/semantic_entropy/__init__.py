"""More thought where answers disagree (arXiv:2412.10827): chains are thought over until their answers agree enough.

Several chains answer. While the entropy of their answers is above a bound, each chain is read again with the request to look at the
problem from another side, and answers anew. The row is the first chain of the last round that gives the majority's answer; where
the chains never agree the majority of all rounds is only recorded, and the row refused.

    -- what further rounds are worth, and how often chains agree on something wrong
    select attrs->>'stopped_round' as round, count(*), avg((outcome = 'accepted')::int) from samples
    join decisions using (sample_id) where method = 'semantic_entropy' group by all order by all

Not here: choosing the trigger sentence by task, which a recipe does by its prompts.
"""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

from pydantic import Field

from synth.answers.judge import equal_answers, majority
from synth.answers.votes import groups
from synth.calls.ask import Reply
from synth.calls.models import Models
from synth.calls.together import together
from synth.methods.base import Params, method, whole
from synth.notes import Label, SftNotes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.sample import Sample
from synth.scorers.entropy import entropy_of


class SemanticEntropyParams(Params):
    """Parameters of `semantic_entropy`."""

    samples: int = Field(3, ge=2, le=32, description="Chains (the authors' code).")
    rounds: int = Field(3, ge=1, le=8, description="Rounds at most (the authors' code).")
    bound: float = Field(
        0.0, ge=0, description="Entropy in bits at which no further round is asked for (the authors' code)."
    )
    temperature: float = Field(0.7, ge=0, description="Of every chain; ours.")
    max_tokens: int = Field(1024, ge=1, description="Upper bound on each chain; ours.")


@method(
    "semantic_entropy",
    paper="arXiv:2412.10827",
    makes=("sft",),
    roles=("teacher",),
    params=SemanticEntropyParams,
    calls=lambda params: {"teacher": params.samples * params.rounds},
    rereads=lambda params: 1,
)
async def semantic_entropy(problem: Problem, models: Models, params: SemanticEntropyParams) -> AsyncIterator[Sample]:
    """The teacher answers several times, and thinks again from other sides while its answers disagree."""
    options: dict[str, Any] = {"temperature": params.temperature, "max_tokens": params.max_tokens}
    task = get_task(problem.task)
    rounds: list[list[Reply]] = []
    answers: list[list[str | None]] = []
    entropies: list[float | None] = []
    while len(rounds) < params.rounds:
        earlier = rounds[-1] if rounds else [None] * params.samples
        replies = await together(
            models.teacher("solve", sample=number, **options)
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
