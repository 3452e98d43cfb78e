"""Alarms: a filter that suddenly removes most of a method's rows is more often a bug than a bad night."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from filters.policy import NAME
from storage.errors import NightschoolError

SHARE = 0.9
"""Share of a method's rows that one filter may remove before the release stops. Our own choice."""

FEWEST = 50
"""A method with fewer rows raises no alarm: its shares say little."""

_EXAMPLES = 3


class AlarmError(NightschoolError):
    """A filter removed more of a method's rows than it may; nothing is released until someone has looked."""


@dataclass(frozen=True)
class Alarm:
    """What a filter did to a method.

    Attributes:
        method: The method.
        filter: The filter that gave the reason for the rejections.
        rows: Rows of the method.
        removed: Rows that the filter removed.
        reasons: How many by reason, most frequent first.
        examples: Sample ids of some of them.
    """

    method: str
    filter: str
    rows: int
    removed: int
    reasons: Mapping[str, int]
    examples: Sequence[str]

    def __str__(self) -> str:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in self.reasons.items())
        return (
            f"{self.filter} removed {self.removed:,} of {self.rows:,} rows of {self.method} ({reasons}); "
            f"look at `nightschool why {self.examples[0]}`"
        )


def find_alarms(
    samples: pa.Table,
    decisions: pa.Table,
    *,
    share: float = SHARE,
    shares: Mapping[str, float] | None = None,
    fewest: int = FEWEST,
) -> list[Alarm]:
    """Find the filters that removed more than a share of a method.

    Args:
        samples: Rows of a night (`sample_id`, `method`).
        decisions: Verdicts; those of the policy are read, the last per row holds.
        share: Share that any filter may remove.
        shares: Other shares by filter, or by `method/filter`, which wins.
        fewest: Methods with fewer rows are left alone.
    """
    method_of = dict(zip(samples["sample_id"].to_pylist(), samples["method"].to_pylist(), strict=True))
    columns = (decisions[name].to_pylist() for name in ("sample_id", "filter", "outcome", "reason"))
    last = {one: (outcome, reason) for one, name, outcome, reason in zip(*columns, strict=True) if name == NAME}
    rows: dict[str, int] = {}
    removed: dict[tuple[str, str], dict[str, list[str]]] = {}
    for sample_id, method in sorted(method_of.items()):
        rows[method] = rows.get(method, 0) + 1
        outcome, reason = last.get(sample_id, ("accepted", None))
        if outcome == "rejected":
            name, _, why = (reason or "?").partition(":")
            removed.setdefault((method, name), {}).setdefault(why or name, []).append(sample_id)
    found = []
    for (method, name), reasons in sorted(removed.items()):
        count = sum(map(len, reasons.values()))
        limit = (shares or {}).get(f"{method}/{name}", (shares or {}).get(name, share))
        if rows[method] >= fewest and count > limit * rows[method]:
            ordered = sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0]))
            examples = [one for _, ids in ordered for one in ids[:_EXAMPLES]][:_EXAMPLES]
            found.append(Alarm(method, name, rows[method], count, {why: len(ids) for why, ids in ordered}, examples))
    return found


def raise_alarms(alarms: Sequence[Alarm]) -> None:
    """Stop when there are alarms.

    Raises:
        AlarmError: There are; the message names each with its figures and an example.
    """
    if alarms:
        raise AlarmError("the release was stopped: " + "; ".join(map(str, alarms)))
