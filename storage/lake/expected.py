"""What a night will probably ask and pay: what the recipe's last nights paid for each attempt, times the attempts planned now.

The bound of `nightschool plan` takes every call for asked and every answer for as long as it may be; most nights pay a fraction.
How many calls an attempt asks depends on its answers (a problem that nobody solves has no steps to complete), so a night differs
from the ones before by chance alone: `spread` says by how much, from how the calls of one attempt differed.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storage.lake.lake import Lake

NIGHTS = 3
"""Nights of the recipe that are looked back at; a student changes, and so does what it writes."""


@dataclass
class Expected:
    """What one role will probably be asked and paid for.

    Attributes:
        nights: Nights that this was learned from.
        calls: Calls; those that earlier nights paid for are not among them.
        prompt_tokens: Tokens read.
        spread: Standard deviation of `prompt_tokens` by chance; None where no earlier night says how attempts differ.
        completion_tokens: Tokens written.
        seconds: Server time; calls overlap, so the clock shows less.
        cost: At the prices of those nights.
    """

    nights: int
    calls: float = 0.0
    prompt_tokens: float = 0.0
    spread: float | None = None
    completion_tokens: float = 0.0
    seconds: float = 0.0
    cost: float = 0.0


def expected(
    lake: Lake, night: str, planned: Mapping[str, int], unseen: Mapping[str, Mapping[str, Expected]] | None = None
) -> dict[str, Expected]:
    """Return what each role will probably be asked, by what the nights of the same recipe before this one paid.

    What filters asked goes by all attempts.

    Args:
        lake: The lake.
        night: The night, `date/recipe`; nights of the recipe with an earlier date count.
        planned: Attempts planned, by method.
        unseen: What each role would be asked by methods that none of those nights had, by method; nothing where it is not given.

    Returns:
        By role; empty when there is no earlier night and nothing is known of the methods otherwise.
    """
    nights = _nights(lake, night)
    attempts = _attempts(lake, nights)
    roles: dict[str, Expected] = defaultdict(lambda: Expected(len(nights)))
    variances: dict[str, float] = defaultdict(float)
    for row in _paid(lake, nights):
        role, own = row["role"], attempts.get(row["method"])
        if own is not None:
            share, spread = planned.get(row["method"], 0) / own["attempts"], own["spread"]
            if share and spread:  # the mean of what was seen varies, and so does that of what is planned
                by_chance = (
                    row["prompt_tokens"] * share * spread * math.sqrt(1 / own["attempts"] + 1 / planned[row["method"]])
                )
                variances[role] += by_chance**2
        else:
            share = sum(planned.values()) / sum(method["attempts"] for method in attempts.values())
        _add(roles[role], row, share)
    for role, variance in variances.items():
        roles[role].spread = math.sqrt(variance)
    for method, by_role in (unseen or {}).items():
        if method in planned and method not in attempts:
            for role, figures in by_role.items():
                _add(roles[role], vars(figures), 1.0)
    return dict(roles)


def _add(role: Expected, figures: Mapping[str, float], share: float) -> None:
    for name in ("calls", "prompt_tokens", "completion_tokens", "seconds", "cost"):
        setattr(role, name, getattr(role, name) + share * figures[name])


def _nights(lake: Lake, night: str) -> list[str]:
    date, _, recipe = night.partition("/")
    rows = lake.rows(
        "select distinct night from attempts where split_part(night, '/', 2) = ? and split_part(night, '/', 1) < ? "
        "order by night desc limit ?",
        [recipe, date, NIGHTS],
    )
    return [row["night"] for row in rows]


def _attempts(lake: Lake, nights: Sequence[str]) -> dict[str, dict[str, float]]:
    """Attempts of each method, and how much the calls of one vary: their standard deviation over their mean."""
    rows = lake.rows(
        "select method, count(*) filter (where status = 'planned') as attempts, "
        "coalesce(stddev_samp(calls) filter (where status = 'done') "
        "/ nullif(avg(calls) filter (where status = 'done'), 0), 0)::double as spread "
        "from attempts where list_contains(?, night) group by method",
        [list(nights)],
    )
    return {row["method"]: {"attempts": row["attempts"], "spread": row["spread"]} for row in rows if row["attempts"]}


def _paid(lake: Lake, nights: Sequence[str]) -> list[dict[str, Any]]:
    return lake.rows(
        """
        select method, role, count(*) as calls, sum(coalesce(prompt_tokens, 0))::double as prompt_tokens,
               sum(coalesce(completion_tokens, 0))::double as completion_tokens, sum(coalesce(seconds, 0)) as seconds,
               sum(coalesce(cost, 0)) as cost
        from calls where origin = 'made' and list_contains(?, night) group by method, role order by method, role
        """,
        [list(nights)],
    )


def mean_lengths(lake: Lake) -> dict[str, tuple[float, float]]:
    """Return, by role, the tokens that an answer had on average so far, and the bytes of a prompt in each of its tokens."""
    rows = lake.rows(
        "select role, avg(completion_tokens)::double as written, "
        "(sum(list_sum(list_transform(messages, m -> octet_length(encode(m.content))))) / sum(prompt_tokens))::double as bytes "
        "from calls where origin = 'made' and prompt_tokens > 0 and completion_tokens is not null group by role"
    )
    return {row["role"]: (row["written"], row["bytes"]) for row in rows if row["bytes"]}
