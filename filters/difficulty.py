"""Difficulty: the share of attempts at a problem that are right, by one model with one way of sampling.

    from filters.difficulty import pass_rates
    rates = pass_rates(lake, student.id)          # {problem_id: PassRate}, PassRate.correct of PassRate.tries

A pass rate belongs to the model and the sampling that made it, and says nothing about another: after a promotion every
rate is measured again. In SQL: `pass_rates` (every model's), `difficulty` (those of the current student).

The filter of this name says in which bucket a row's problem lies, and rejects rows of buckets that the recipe leaves out:

    filters:
      difficulty: {prompt: [hard, medium, easy], tuning: [unsolved, hard, medium, easy]}
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import comb
from typing import Literal

from pydantic import Field

from filters.base import PASS, Context, Finding, Options, fail, night_filter
from filters.rows import Row
from storage.lake import Lake

Bucket = Literal["unsolved", "hard", "medium", "easy", "trivial"]


@dataclass(frozen=True, slots=True)
class PassRate:
    """How often a model solves a problem.

    Attributes:
        problem_id: The problem.
        model: Identity of the model that tried.
        sampling: How it was sampled, JSON without the seed.
        tries: Attempts.
        correct: Right ones.
    """

    problem_id: str
    model: str
    sampling: str
    tries: int
    correct: int

    @property
    def rate(self) -> float:
        """Share of right attempts."""
        return self.correct / self.tries

    @property
    def bucket(self) -> Bucket:
        """`unsolved` 0, `hard` up to 1/4, `medium` up to 3/4, `easy` below 1, `trivial` 1. Our own limits."""
        if self.correct == 0:
            return "unsolved"
        if self.correct == self.tries:
            return "trivial"
        return "hard" if self.rate <= 0.25 else "medium" if self.rate <= 0.75 else "easy"

    def at(self, k: int) -> float:
        """Return the unbiased estimate of pass@k (arXiv:2107.03374, section 2.1).

        Raises:
            ValueError: There are fewer than `k` attempts.
        """
        if not 1 <= k <= self.tries:
            raise ValueError(f"pass@{k} needs {k} attempts; there are {self.tries}")
        return 1.0 - comb(self.tries - self.correct, k) / comb(self.tries, k)


def pass_rates(
    lake: Lake, model: str, *, sampling: str | None = None, problems: Iterable[str] | None = None
) -> dict[str, PassRate]:
    """Return the pass rates of one model by problem id; those of any other model have expired and are left out.

    Args:
        lake: The lake.
        model: Identity of the model: a checkpoint's id, or a remote model's `name@revision`.
        sampling: Only this way of sampling (`filters.trials.sampling_text`); None takes, per problem, the way with the most
            tries, never a mixture.
        problems: Only these problems; None means all.
    """
    rows = lake.rows(
        "select problem_id, model, sampling, tries, correct from pass_rates where model = $1 "
        "and ($2::varchar is null or sampling = $2) and ($3::varchar[] is null or problem_id in (select unnest($3::varchar[]))) "
        "qualify row_number() over (partition by problem_id order by tries desc, sampling) = 1 order by problem_id",
        [model, sampling, None if problems is None else sorted(set(problems))],
    )
    return {row["problem_id"]: PassRate(**row) for row in rows}


def for_reinforcement(rates: Iterable[PassRate], *, tries: int = 8) -> list[str]:
    """Return the problems worth exploring: solved sometimes but not always, in at least `tries` attempts.

    Groups that are all right or all wrong have no advantage to learn from (DAPO, arXiv:2503.14476, section 3.2).
    """
    return [rate.problem_id for rate in rates if rate.tries >= tries and 0 < rate.correct < rate.tries]


def for_tuning(rates: Iterable[PassRate]) -> list[str]:
    """Return the solved problems, hardest first; trivial ones are left out."""
    useful = [rate for rate in rates if 0 < rate.correct < rate.tries]
    return [rate.problem_id for rate in sorted(useful, key=lambda rate: (rate.rate, rate.problem_id))]


class DifficultyOptions(Options):
    """Options of `difficulty`."""

    prompt: frozenset[Bucket] | None = Field(
        default=None, description="Buckets that rows for RL may come from; None takes all."
    )
    tuning: frozenset[Bucket] | None = Field(
        default=None, description="Buckets that every other row may come from; None takes all."
    )
    tries: int = Field(default=4, ge=1, description="Fewer attempts than this say nothing about a problem; ours.")


@night_filter("difficulty", version="1", options=DifficultyOptions)
def difficulty(rows: Sequence[Row], context: Context, options: DifficultyOptions) -> Mapping[str, Finding]:
    """The student solves the row's problem as often as the recipe asks; without enough attempts nothing is said."""
    return {row.sample_id: _judge(row, context, options) for row in rows}


def _judge(row: Row, context: Context, options: DifficultyOptions) -> Finding:
    rate = context.rates.get(row.problem_id or "")
    if rate is None or rate.tries < options.tries:
        return PASS
    wanted = options.prompt if row.kind == "prompt" else options.tuning
    said = {"tries": rate.tries, "correct": rate.correct, "model": rate.model, "bucket": rate.bucket}
    return Finding("pass", detail=said) if wanted is None or rate.bucket in wanted else fail(rate.bucket, **said)
