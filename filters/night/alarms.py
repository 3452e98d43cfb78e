"""Alarms: a filter that suddenly removes most of a method's rows is more often a bug than a bad night.

Such a night stops before its release, with the funnel and examples. Its alarms stand in the lake's `alarms`. When they are
as they should be, `nightschool alarms accept NIGHT` says so, once and for good, and the night's own command goes on.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from pydantic import Field

from filters.base import Options, unknown_filter
from filters.night.policy import BY_PEOPLE
from filters.validated import validated
from storage.errors import NightschoolError, RecipeError
from storage.lake.lake import Lake, table_of
from storage.lake.nights import funnel
from storage.unknown_names import unknown
from storage.views import RENAMED_FILTERS

_EXAMPLES = 3
_DUPLICATES = {"exact_duplicates": 1.0, "near_duplicates": 1.0, "novelty": 1.0}
_CAPS = {"share": 1.0, "caps": 1.0}
_MAY_TAKE_ALL = _DUPLICATES | _CAPS


class AlarmError(NightschoolError):
    """A filter removed more of a method's rows than it may; nothing is released until someone has looked."""


class AlarmOptions(Options):
    """What a filter may remove before the release stops: `alarms` of a recipe."""

    share: float = Field(
        default=0.9, gt=0, le=1, description="Share of a method's rows that one filter may remove; ours. 1 never stops."
    )
    shares: Mapping[str, float] = Field(
        default=_MAY_TAKE_ALL,
        description="Other shares, by filter, by method, or by method/filter; the last wins. Duplicates may take all: a "
        "night that asks the same problems again finds its own past. So may caps: of a student who is always right a "
        "tutor keeps few rows.",
    )
    fewest: int = Field(default=50, ge=1, description="A method with fewer rows raises none: its shares say little.")

    def limit(self, method: str, name: str) -> float:
        """Return the share of a method's rows that a filter may remove."""
        given = _MAY_TAKE_ALL | dict(self.shares)
        return next((given[key] for key in (f"{method}/{name}", method, name) if key in given), self.share)


def read_alarm_options(given: Mapping[str, Any], *, methods: Iterable[str], filters: Iterable[str]) -> AlarmOptions:
    """Read `alarms` of a recipe.

    Raises:
        RecipeError: A key, a method or a filter is unknown, or a share is none.
    """
    for key in given:
        if key not in AlarmOptions.model_fields:
            raise RecipeError(f"alarms: {unknown('key', key, AlarmOptions.model_fields)}")
    options = validated(AlarmOptions, given, "alarms")
    known_methods, known_filters = set(methods), set(filters)
    for key, share in options.shares.items():
        method, slash, name = key.partition("/")
        if not 0 < share <= 1:
            raise RecipeError(f"alarms.shares.{key} = {share:g}: a share lies above 0 and not above 1")
        if slash and (method not in known_methods or name not in known_filters):
            what = unknown("method", method, known_methods)
            raise RecipeError(
                f"alarms.shares.{key}: {unknown_filter(name, known_filters) if method in known_methods else what}"
            )
        if not slash and key not in known_methods | known_filters:
            known_names = known_methods | known_filters
            sentence = (
                unknown_filter(key, known_names)
                if key in RENAMED_FILTERS
                else unknown("filter or method", key, known_names)
            )
            raise RecipeError(f"alarms.shares.{key}: {sentence}")
    return options


@dataclass(frozen=True)
class Alarm:
    """What a filter did to a method.

    Attributes:
        method: The method.
        filter: The filter that gave the reason for the rejections.
        rows: Rows of the method.
        removed: Rows that the filter removed.
        share: Share of the rows that it may remove.
        reasons: How many by reason, most frequent first.
        examples: Sample ids of some of them.
    """

    method: str
    filter: str
    rows: int
    removed: int
    share: float
    reasons: Mapping[str, int]
    examples: Sequence[str]

    def __str__(self) -> str:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in self.reasons.items())
        return f"{self.filter} removed {self.removed:,} of {self.rows:,} rows of {self.method} ({reasons})"


@dataclass(frozen=True)
class Removed:
    """Rows of a method that were rejected for one reason.

    Attributes:
        method: The method.
        reason: The reason, as it stands in the decision: `filter:why`.
        rows: How many.
        examples: The first of their sample ids.
    """

    method: str
    reason: str
    rows: int
    examples: Sequence[str]


def find_alarms(
    rows: Mapping[str, int], removed: Iterable[Removed], options: AlarmOptions | None = None
) -> list[Alarm]:
    """Find the filters that removed more than a share of a method.

    Args:
        rows: Rows of a night by method.
        removed: What was rejected of them.
        options: What may be removed.
    """
    options = options or AlarmOptions()
    by_filter: dict[tuple[str, str], dict[str, Removed]] = {}
    for item in removed:
        name, _, why = item.reason.partition(":")
        if name != BY_PEOPLE:
            by_filter.setdefault((item.method, name), {})[why or name] = item
    alarms = []
    for (method, name), reasons in sorted(by_filter.items()):
        count, limit = sum(item.rows for item in reasons.values()), options.limit(method, name)
        if rows[method] >= options.fewest and count > limit * rows[method]:
            ordered = sorted(reasons.items(), key=lambda pair: (-pair[1].rows, pair[0]))
            examples = [sample_id for _, item in ordered for sample_id in item.examples[:_EXAMPLES]][:_EXAMPLES]
            counts = {why: item.rows for why, item in ordered}
            alarms.append(Alarm(method, name, rows[method], count, limit, counts, examples))
    return alarms


def decided_rows(lake: Lake, night: str) -> tuple[dict[str, int], list[Removed]]:
    """Return the rows of a night by method, and what was rejected of them, as `find_alarms` takes them."""
    rows = lake.rows("select method, count(*) as rows from samples where night = ? group by method", [night])
    removed = lake.rows(
        "select method, coalesce(d.reason, '?') as reason, count(*) as rows, min(d.sample_id, $2) as examples "
        "from decisions d join samples s using (sample_id) where s.night = $1 and d.outcome = 'rejected' group by all "
        "order by method, reason",
        [night, _EXAMPLES],
    )
    return {row["method"]: row["rows"] for row in rows}, [Removed(**row) for row in removed]


def stop_on_alarms(lake: Lake, night: str, options: AlarmOptions | None = None) -> None:
    """Record a decided night's alarms, once, and stop while one of them is open.

    Raises:
        AlarmError: There is one. The message names each with its figures, the funnel, examples, and how to go on.
    """
    key = f"alarms:{night}"
    if not lake.has(key):
        alarms = find_alarms(*decided_rows(lake, night), options)
        lake.commit(key, "alarms", {"alarms": _rows(night, "raised", alarms)}, night=night)
    standing = open_alarms(lake, night)
    if standing:
        raise AlarmError(_words(lake, night, standing))


def open_alarms(lake: Lake, night: str) -> list[Alarm]:
    """Return the alarms of a night that nobody has accepted."""
    rows = lake.rows(
        "select * from alarms where night = $1 and event = 'raised' and not exists "
        "(select 1 from alarms a where a.night = $1 and a.event = 'accepted') order by method, filter",
        [night],
    )
    return [
        Alarm(
            row["method"],
            row["filter"],
            row["rows"],
            row["removed"],
            row["share"],
            json.loads(row["reasons"]),
            row["examples"],
        )
        for row in rows
    ]


def accept_alarms(lake: Lake, night: str, because: str = "") -> list[Alarm]:
    """Record that a night's alarms were looked at and are as they should be; its own command then goes on.

    Returns:
        The alarms accepted now; none when they were accepted before.

    Raises:
        AlarmError: The night has raised no alarm.
    """
    if not lake.rows("select 1 from alarms where night = ? limit 1", [night]):
        nights = [row["night"] for row in lake.rows("select distinct night from alarms order by night")]
        there = f"there are alarms of {', '.join(nights)}" if nights else "no night has"
        raise AlarmError(f"night {night!r} has raised no alarm; {there}")
    alarms = open_alarms(lake, night)
    if alarms:
        table = _rows(night, "accepted", alarms, because)
        lake.commit(f"alarms accepted:{night}", "alarms", {"alarms": table}, night=night)
    return alarms


def list_alarms(lake: Lake) -> list[dict[str, Any]]:
    """Return every alarm ever raised, newest night first, with `accepted` (when, null while it is open) and `note`."""
    return lake.rows(
        "select r.night, r.method, r.filter, r.rows, r.removed, r.share, r.reasons, r.examples, a.created_at as accepted, "
        "a.note from alarms r left join alarms a on a.event = 'accepted' and a.night = r.night and a.method = r.method "
        "and a.filter = r.filter where r.event = 'raised' order by r.night desc, r.method, r.filter"
    )


def _rows(night: str, event: str, alarms: Sequence[Alarm], note: str = "") -> pa.Table:
    return table_of(
        "alarms",
        [
            {
                "night": night, "event": event, "method": alarm.method, "filter": alarm.filter, "rows": alarm.rows,
                "removed": alarm.removed, "share": alarm.share, "reasons": json.dumps(dict(alarm.reasons)),
                "examples": list(alarm.examples), "note": note or None, "created_at": datetime.now(UTC),
            }
            for alarm in alarms
        ],
    )  # fmt: skip


def _words(lake: Lake, night: str, alarms: Sequence[Alarm]) -> str:
    lines = [f"night {night} stops before its release: a filter removed more of a method than it may."]
    for alarm in alarms:
        lines.append(f"  {alarm}, more than the share of {alarm.share:g}")
        lines += [f"    nightschool why {example}" for example in alarm.examples]
    for row in funnel(lake, night):
        books = " ".join(
            f"{name} {row[name]:,}" for name in ("planned", "done", "failed", "made", "accepted", "rejected")
        )
        lines.append(f"  {row['method']}: {books}")
    lines.append(
        "Nothing is lost, and nothing will be asked again. If this is as it should be: "
        f"`nightschool alarms accept {night}`, then the same command again. (Other limits: `alarms.shares` of the recipe.)"
    )
    return "\n".join(lines)
