"""Reviews: what people said of rows, the fair samples that are dealt to them, and how far policy, filters and people agree."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from storage.errors import LakeError
from storage.ids import digest
from storage.lake.lake import Lake, table_of

Verdict = Literal["accept", "reject"]
MOST = 5_000
"""Rows that may be dealt at once."""
_LONGEST_NOTE = 10_000

BY_CHANCE = "md5($seed || d.sample_id), d.sample_id"
"""Order of a draw: a hash of seed and id."""

_LAST = "arg_max(if(starts_with(v.reason, 'reviews:'), 'accepted', v.outcome), c.seq)"
"""What was decided last without people: a row that they alone keep out counts as accepted."""

_DRAW = f"""
select d.sample_id, count(*) over () as population from decisions d join samples s using (sample_id)
where ($method is null or s.method = $method) order by {BY_CHANCE} limit $n
"""
_DECIDED = f"""
select s.sample_id, coalesce(d.outcome, 'undecided') as outcome from samples s left join (
    select v.sample_id, {_LAST} as outcome from verdicts v join commits c using (commit_id)
    where v.filter = 'policy' and v.sample_id in (select unnest($ids::varchar[])) group by v.sample_id
) d using (sample_id) where s.sample_id in (select unnest($ids::varchar[]))
"""
_DEALT = """
select d.position, d.sample_id from review_draws d where d.draw_id = ? and d.sample_id in (select sample_id from samples)
order by position
"""
_DRAWS = """
select d.draw_id, d.method, min(d.population) as population, count(*) as rows, min(d.created_at) as created_at,
       count(*) filter (where d.sample_id in (select sample_id from last_reviews)) as reviewed
from review_draws d where d.sample_id in (select sample_id from samples) group by all order by created_at desc, d.draw_id
"""
_AGREEMENT = f"""
with people as (
    select r.sample_id, r.verdict = 'accept' as good, r.sample_id in (
        select sample_id from last_reviews where draw_id is not null) as dealt
    from reviewed r
), decided as (
    select v.sample_id, {_LAST} as outcome from verdicts v join commits c using (commit_id)
    where v.filter = 'policy' and v.sample_id in (select sample_id from reviewed) group by v.sample_id
)
select s.method, p.dealt, count(*) as rows, count(*) filter (where good) as good,
       count(*) filter (where (d.outcome = 'accepted') = good) as agreed,
       count(*) filter (where d.outcome = 'accepted' and not good) as let_in,
       count(*) filter (where d.outcome = 'rejected' and good) as turned_away
from people p join samples s using (sample_id) join decided d using (sample_id)
where $night is null or s.night = $night group by all order by s.method, p.dealt desc
"""
_JUDGES = """
with last as (
    select v.sample_id, v.filter, v.outcome from observations v join commits c using (commit_id)
    where v.filter <> 'policy' and v.sample_id in (select sample_id from reviewed)
    qualify row_number() over (partition by v.sample_id, v.filter order by c.seq desc) = 1
)
select l.filter, count(*) as rows, count(*) filter (where r.verdict = 'accept') as good,
       count(*) filter (where l.outcome <> 'unknown') as decided,
       count(*) filter (where l.outcome <> 'unknown' and (l.outcome = 'pass') = (r.verdict = 'accept')) as agreed,
       count(*) filter (where l.outcome = 'fail' and r.verdict = 'reject') as caught,
       count(*) filter (where l.outcome = 'fail' and r.verdict = 'accept') as wrongly_failed
from last l join reviewed r using (sample_id) join samples s using (sample_id)
where $night is null or s.night = $night group by all order by all
"""


_TOLD_APART = """
with judged as (
    select r.verdict, s.problem_id, s.sample_id, {response: s.response, call_id: s.parents[-1], model: s.models[-1]} as answer
    from reviewed r join samples s using (sample_id) where s.kind = 'sft' and s.response <> '' and s.problem_id is not null
)
select problem_id, arg_min(answer, sample_id) filter (where verdict = 'accept') as accepted,
       arg_min(answer, sample_id) filter (where verdict = 'reject') as rejected
from judged group by problem_id having accepted is not null and rejected is not null order by md5(problem_id) limit ?
"""


@dataclass(frozen=True, slots=True)
class Review:
    """What a person said of a row.

    Attributes:
        review_id: Identity, made where it was written, so that what is sent twice counts once.
        sample_id: The row.
        reviewer: Who.
        verdict: `accept`, `reject`, or None for a note alone.
        note: What they wrote.
        draw_id: The fair sample that the row was dealt in.
    """

    review_id: str
    sample_id: str
    reviewer: str
    verdict: Verdict | None = None
    note: str | None = None
    draw_id: str | None = None


def record_reviews(lake: Lake, reviews: Sequence[Review]) -> int:
    """Commit reviews, once, and return how many there are.

    Raises:
        LakeError: One says nothing, too much, or is of a row that the lake does not have.
    """
    if not reviews:
        return 0
    for review in reviews:
        _check(review)
    ids = [review.sample_id for review in reviews]
    decisions = {row["sample_id"]: row["outcome"] for row in lake.query_named(_DECIDED, {"ids": ids}).to_pylist()}
    if missing := [identity for identity in ids if identity not in decisions]:
        raise LakeError(f"no row {missing[0]!r} to review; it may have been taken down")
    now = datetime.now(UTC)
    rows = [
        {
            "review_id": review.review_id, "sample_id": review.sample_id, "verdict": review.verdict, "note": review.note or None,
            "reviewer": review.reviewer, "draw_id": review.draw_id, "decision": decisions[review.sample_id], "created_at": now,
        }
        for review in reviews
    ]  # fmt: skip
    key = f"review:{digest(sorted(review.review_id for review in reviews), length=32)}"
    lake.commit(key, "review", {"reviews": table_of("reviews", rows)})
    return len(rows)


def _check(review: Review) -> None:
    if review.verdict not in ("accept", "reject", None):
        raise LakeError(
            f"review of {review.sample_id}: verdict {review.verdict!r}; say accept or reject, or leave it out"
        )
    if review.verdict is None and not (review.note or "").strip():
        raise LakeError(f"review of {review.sample_id}: it says nothing; give a verdict or a note")
    if len(review.note or "") > _LONGEST_NOTE:
        raise LakeError(f"review of {review.sample_id}: a note has at most {_LONGEST_NOTE:,} characters")
    if not review.reviewer.strip() or not review.review_id:
        raise LakeError(f"review of {review.sample_id}: it does not say who reviewed")


def reviews_of(lake: Lake, ids: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Return every review of some rows, or of all, oldest first."""
    return lake.rows(
        "select r.* exclude (commit_id) from reviews r join commits c using (commit_id) "
        "where $1 or r.sample_id in (select unnest($2::varchar[])) order by c.seq, r.created_at, r.review_id",
        [ids is None, list(ids or ())],
    )


def draw(lake: Lake, method: str | None, n: int, seed: int = 0) -> str:
    """Deal a fair sample of the decided rows of a method, whatever was decided about them, and return its id.

    Each row is as likely as any other: the order is that of a hash of seed and id. The same draw from the same rows is made once.

    Raises:
        LakeError: `n` cannot be dealt, or the method has no decided rows.
    """
    if not 1 <= n <= MOST:
        raise LakeError(f"--n {n}: between 1 and {MOST:,} rows can be dealt")
    rows = lake.query_named(_DRAW, {"method": method, "seed": str(seed), "n": n}).to_pylist()
    if not rows:
        methods = ", ".join(row["method"] for row in lake.rows("select distinct method from samples order by all"))
        raise LakeError(f"--method {method}: no decided rows; methods with rows: {methods or 'none yet'}")
    ids = [row["sample_id"] for row in rows]
    draw_id = digest("draw", method, seed, ids, length=12)
    now = datetime.now(UTC)
    table = table_of(
        "review_draws",
        [
            {
                "draw_id": draw_id, "position": position, "sample_id": sample_id, "method": method,
                "population": rows[0]["population"], "seed": seed, "created_at": now,
            }
            for position, sample_id in enumerate(ids)
        ],
    )  # fmt: skip
    lake.commit(f"draw:{draw_id}", "review", {"review_draws": table})
    return draw_id


def draws(lake: Lake) -> list[dict[str, Any]]:
    """Return the fair samples, newest first: `draw_id`, `method`, `population`, `rows`, `reviewed`, `created_at`."""
    return lake.rows(_DRAWS)


def dealt(lake: Lake, draw_id: str) -> list[str]:
    """Return the rows of a fair sample in the order in which they are shown; those that were taken down are left out.

    Raises:
        LakeError: There is no such sample.
    """
    rows = lake.rows(_DEALT, [draw_id])
    if not rows:
        known = ", ".join(row["draw_id"] for row in draws(lake)) or "none yet; `nightschool review sample` deals one"
        raise LakeError(f"no fair sample {draw_id!r}; there are {known}")
    return [row["sample_id"] for row in rows]


def told_apart(lake: Lake, most: int) -> list[dict[str, Any]]:
    """Return problems with an answer that people accept and one that they reject, a pair each, some of them by chance.

    Returns:
        `problem_id`, and `accepted` and `rejected`, each with `response`, `call_id` and `model`.
    """
    return lake.rows(_TOLD_APART, [most])


def agreement(lake: Lake, night: str | None = None) -> dict[str, list[dict[str, Any]]]:
    """Count how far people agree with the policy, by method, and with each filter.

    Args:
        lake: The lake.
        night: Only its rows; None means all.

    Returns:
        `policy`, a line per method: `dealt` (whether the rows were dealt by chance; only these stand for the method), `rows`,
        `good`, `agreed`, `let_in` (accepted, and people reject it), `turned_away` (rejected, and people accept it).
        `filters`, a line each: `rows`, `good`, `decided` (not unknown), `agreed` (of these), `caught`, `wrongly_failed`.
    """
    given = {"night": night}
    return {
        "policy": list(lake.query_named(_AGREEMENT, given).to_pylist()),
        "filters": list(lake.query_named(_JUDGES, given).to_pylist()),
    }
