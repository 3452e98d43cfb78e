"""Difficulty: the share of attempts at a problem that are right, by one model with one way of sampling.

    from filters.rules.difficulty import pass_rates
    rates = pass_rates(lake, student.id)          # {problem_id: PassRate}, PassRate.correct of PassRate.tries

A pass rate belongs to the model and the sampling that made it, and says nothing about another: after a promotion every
rate is measured again. In SQL: `pass_rates` (every model's), `difficulty` (those of the current student).

The filter of this name says in which bucket a row's problem lies, and rejects rows of buckets that the recipe leaves out:

    filters:
      difficulty: {prompt: [hard, medium, easy], tuning: [unsolved, hard, medium, easy]}
"""

from collections.abc import Iterable, Mapping, Sequence

from pydantic import Field

from filters.base import PASS, Context, Finding, Options, fail, night_filter
from filters.findings import by_number, pass_but
from filters.pass_rate import Bucket, PassRate
from filters.row_blocks import ids_of
from filters.rows import Row
from storage.lake.lake import Lake


def pass_rates(
    lake: Lake,
    model: str,
    *,
    sampling: str | None = None,
    problems: Iterable[str] | None = None,
    night: str | None = None,
) -> dict[str, PassRate]:
    """Return the pass rates of one model by problem id; those of any other model have expired and are left out.

    Args:
        lake: The lake.
        model: Identity of the model: a checkpoint's id, or a remote model's `name@revision`.
        sampling: Only this way of sampling (`filters.night.trials.sampling_text`); None takes, per problem, the way with the most
            tries, never a mixture.
        problems: Only these problems; None means all.
        night: Only problems that a night planned attempts on; None means all.
    """
    rows = lake.rows(
        "select problem_id, model, sampling, tries, correct from pass_rates where model = $1 "
        "and ($2::varchar is null or sampling = $2) and ($3::varchar[] is null or problem_id in (select unnest($3::varchar[]))) "
        "and ($4::varchar is null or problem_id in (select problem_id from attempts where night = $4)) "
        "qualify row_number() over (partition by problem_id order by tries desc, sampling) = 1 order by problem_id",
        [model, sampling, None if problems is None else sorted(set(problems)), night],
    )
    return {row["problem_id"]: PassRate(**row) for row in rows}


def for_reinforcement(rates: Iterable[PassRate], *, tries: int = 8) -> list[str]:
    """Return the problems worth exploring: solved sometimes but not always, in at least `tries` attempts.

    Groups that are all right or all wrong have no advantage to learn from (DAPO, arXiv:2503.14476, section 3.2).
    """
    return [rate.problem_id for rate in rates if rate.tries >= tries and 0 < rate.correct < rate.tries]


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
    if not context.rates:
        return pass_but(ids_of(rows), {})
    of_problems: dict[tuple[str | None, bool], Finding] = {}
    findings = [
        of_problems.setdefault((row.problem_id, row.kind == "prompt"), _finding(row, context, options)) for row in rows
    ]
    return by_number(ids_of(rows), findings.__getitem__)


def _finding(row: Row, context: Context, options: DifficultyOptions) -> Finding:
    rate = context.rates.get(row.problem_id or "")
    if rate is None or rate.tries < options.tries:
        return PASS
    wanted = options.prompt if row.kind == "prompt" else options.tuning
    detail = {"tries": rate.tries, "correct": rate.correct, "model": rate.model, "bucket": rate.bucket}
    return Finding("pass", detail=detail) if wanted is None or rate.bucket in wanted else fail(rate.bucket, **detail)
