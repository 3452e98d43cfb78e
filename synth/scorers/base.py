"""What a scorer is: it looks at the candidates for one problem and gives each a number, or says why it has none.

@scorer("length", version="1")
async def length(problem, candidates, models):
    return [Score(len(candidate.text.split())) for candidate in candidates]
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from synth.calls.models import Models
from synth.problems.base import Problem
from synth.sample import ScoreOf


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of several answers to a problem.

    Attributes:
        text: The answer, without its thoughts.
        call_id: The call that it is the answer of.
        complete: False when it was cut at its token limit.
        tokens: Tokens written, thoughts included; 0 where none were counted.
        thoughts: What the model thought before it answered; empty where it did not.
        role: The role that wrote it.
        model: Identity of the model that wrote it.
    """

    text: str
    call_id: str
    complete: bool = True
    tokens: int = 0
    thoughts: str = ""
    role: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class Score:
    """What a scorer says of one candidate. A row keeps its scores in the table `evidence`, as the kind `score`.

    Attributes:
        value: The number, in the scorer's own unit; None where it can give none, which is never taken for a low score.
        reason: A stable word for the value, or for why there is none.
        call_ids: Calls behind it.
        model: Identity of the model that was asked; None where none was.
    """

    value: float | None
    reason: str | None = None
    call_ids: tuple[str, ...] = ()
    model: str | None = None


def _one_each(candidates: int) -> int:
    return candidates


def _one(candidates: int) -> int:
    return 1


Rate = Callable[[Problem, Sequence[Candidate], Models], Awaitable[list[Score]]]


@dataclass(frozen=True)
class Scorer:
    """A registered scorer.

    Attributes:
        name: Name used in recipes and evidence.
        rate: The coroutine: one score per candidate, in their order. It may ask models, durably.
        version: Version of the rule; scores of different versions are not compared.
        summary: One line for people.
        roles: Models that it asks.
        calls: Calls of each of these roles for so many candidates, at most; for planning.
        rereads: Candidates that one of its prompts holds, of so many, at most; for planning.
        judges: Whether its values are a model's opinion, which decides nothing before it was calibrated
            (`synth.scorers.calibration`).
    """

    name: str
    rate: Rate
    version: str
    summary: str
    roles: tuple[str, ...] = ()
    calls: Callable[[int], int] = _one_each
    rereads: Callable[[int], int] = _one
    judges: bool = False

    async def __call__(self, problem: Problem, candidates: Sequence[Candidate], models: Models) -> list[Score]:
        """Score each candidate.

        Raises:
            ValueError: The scorer broke its contract: it did not give exactly one score per candidate.
        """
        scores = await self.rate(problem, candidates, models)
        if len(scores) != len(candidates):
            raise ValueError(f"scorer {self.name} gave {len(scores)} scores for {len(candidates)} candidates")
        return scores


def by_own_family(models: Models, role: str, judge: str, candidate: Candidate) -> bool:
    """Whether who judges wrote the candidate itself, or is of the same family of models as who did."""
    families = {models.profile(name).family for name in (role, candidate.role)}
    return judge == candidate.model or (len(families) == 1 and None not in families)


def score_of(rated_by: Scorer, score: Score) -> ScoreOf:
    """Return a score as a sample keeps it."""
    return ScoreOf(rated_by.name, rated_by.version, score.value, score.reason, score.call_ids, score.model)


def scorer(
    name: str,
    *,
    version: str,
    roles: tuple[str, ...] = (),
    calls: Callable[[int], int] = _one_each,
    rereads: Callable[[int], int] = _one,
    judges: bool = False,
) -> Callable[[Rate], Scorer]:
    """Make a scorer of a coroutine. Its docstring's first line becomes the summary; see `Scorer` for the arguments."""

    def decorate(rate: Rate) -> Scorer:
        summary = (rate.__doc__ or name).strip().splitlines()[0]
        return Scorer(name, rate, version, summary, roles, calls, rereads, judges)

    return decorate
