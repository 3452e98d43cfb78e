"""What has changed between the release that was trained on last and the latest one: figures, never a decision."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from storage.lake.lake import Lake
from storage.lake.nights import last_training
from storage.releases.making import COLUMNS
from storage.releases.reading import latest_release
from storage.releases.selection import Selection, any_of

_COUNTS = """
with now as (select sample_id from release_rows where release_id = $now),
before as (select sample_id from release_rows where release_id = $before),
either as (select * from now union select * from before),
chosen as (
    select sample_id, method, task, words from (
        select {columns} from samples a join problems p using (problem_id)
        where sample_id in (select sample_id from either)
    ) accepted where {condition}
),
named as (
    select s.*, n.sample_id is not null as is_now, b.sample_id is not null as was
    from chosen s left join now n using (sample_id) left join before b using (sample_id)
)
select method, task,
       count(*) filter (where is_now) as now, count(*) filter (where was) as was,
       count(*) filter (where is_now and not was) as new_rows,
       coalesce(sum(words) filter (where is_now and not was), 0)::bigint as new_words,
       count(*) filter (where was and d.reason like 'decontamination:%') as disallowed,
       count(*) filter (where is_now and d.reason like 'decontamination:%') as stale
from named left join decisions d on d.sample_id = named.sample_id and d.outcome = 'rejected'
group by method, task order by method, task
"""


@dataclass(frozen=True, slots=True)
class Change:
    """What is new in the latest release since the last training, among the rows that a training would learn from.

    Attributes:
        release: The latest release; None when there is none yet.
        trained: The release that was trained on last; None before the first training.
        rows: Rows of the latest release.
        new_rows: Rows of it that the last training did not have.
        new_words: Words, separated by white space, in those.
        drift: Total variation distance between the shares of (method, task) then and now, 0 to 1; None before the
            first training, or when either has no rows.
        disallowed: Rows of the last training that hold a benchmark item, as the benchmarks are now.
        stale: Rows of the *latest* release that do; it must not be trained on.
    """

    release: str | None
    trained: str | None = None
    rows: int = 0
    new_rows: int = 0
    new_words: int = 0
    drift: float | None = None
    disallowed: int = 0
    stale: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the figures by name."""
        return asdict(self)


def change_since_training(lake: Lake, dataset: str, selections: Sequence[Selection] = ()) -> Change:
    """Compare the latest release of a data set with the one that was trained on last.

    Args:
        lake: The lake.
        dataset: Name of the data set.
        selections: Only rows that one of these selects, limits aside; none means all.

    Raises:
        QueryError: A condition is more than a condition.
        LakeError: A condition cannot be used.
    """
    for selection in selections:
        selection.inspect()
    latest, trained = latest_release(lake, dataset), last_training(lake, dataset)
    if latest is None:
        return Change(None, trained)
    statement = _COUNTS.format(columns=COLUMNS, condition=any_of(selections))
    groups = lake.query_named(statement, {"now": latest.id, "before": trained or ""}).to_pylist()
    return Change(
        latest.id,
        trained,
        drift=_distance([(group["now"], group["was"]) for group in groups]),
        rows=sum(group["now"] for group in groups),
        **{name: sum(group[name] for group in groups) for name in ("new_rows", "new_words", "disallowed", "stale")},
    )


def _distance(counts: Sequence[tuple[int, int]]) -> float | None:
    """Total variation distance between two sets of counts; None when either is empty."""
    now, was = (sum(column) for column in zip(*counts, strict=True)) if counts else (0, 0)
    if not now or not was:
        return None
    return sum(abs(a / now - b / was) for a, b in counts) / 2
