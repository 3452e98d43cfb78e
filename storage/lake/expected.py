"""What a night will probably ask and pay: what the recipe's last nights paid for each attempt, times the attempts planned now.

The bound of `nightschool plan` takes every call for asked and every answer for as long as it may be; most nights pay a fraction.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

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
        completion_tokens: Tokens written.
        seconds: Server time; calls overlap, so the clock shows less.
        cost: At the prices of those nights.
    """

    nights: int
    calls: float = 0.0
    prompt_tokens: float = 0.0
    completion_tokens: float = 0.0
    seconds: float = 0.0
    cost: float = 0.0


def expected(lake: Lake, night: str, planned: Mapping[str, int]) -> dict[str, Expected]:
    """Return what each role will probably be asked, by what the nights of the same recipe before this one paid.

    A method that none of them had is left out; what filters asked goes by all attempts.

    Args:
        lake: The lake.
        night: The night, `date/recipe`; nights of the recipe with an earlier date count.
        planned: Attempts planned, by method.

    Returns:
        By role; empty when there is no earlier night.
    """
    date, _, recipe = night.partition("/")
    nights = [
        row["night"]
        for row in lake.rows(
            "select distinct night from attempts where split_part(night, '/', 2) = ? and split_part(night, '/', 1) < ? "
            "order by night desc limit ?",
            [recipe, date, NIGHTS],
        )
    ]
    attempts = {
        row["method"]: row["attempts"]
        for row in lake.rows(
            "select method, count(*) as attempts from attempts where status = 'planned' and list_contains(?, night) "
            "group by method",
            [nights],
        )
    }
    if not attempts:
        return {}
    paid = lake.rows(
        """
        select method, role, count(*) as calls, sum(coalesce(prompt_tokens, 0))::double as prompt_tokens,
               sum(coalesce(completion_tokens, 0))::double as completion_tokens, sum(coalesce(seconds, 0)) as seconds,
               sum(coalesce(cost, 0)) as cost
        from calls where origin = 'made' and list_contains(?, night) group by method, role order by method, role
        """,
        [nights],
    )
    roles: dict[str, Expected] = defaultdict(lambda: Expected(len(nights)))
    for row in paid:
        if row["method"] in attempts:
            share = planned.get(row["method"], 0) / attempts[row["method"]]
        else:
            share = sum(planned.values()) / sum(attempts.values())
        role = roles[row["role"]]
        role.calls += share * row["calls"]
        role.prompt_tokens += share * row["prompt_tokens"]
        role.completion_tokens += share * row["completion_tokens"]
        role.seconds += share * row["seconds"]
        role.cost += share * row["cost"]
    return dict(roles)
