"""Pick rows up to a number of words, so that methods can be compared at equal cost."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from storage.ids import digest


def budget_words(rows: Iterable[Mapping[str, Any]], budget: int, *, seed: int = 0) -> list[Mapping[str, Any]]:
    """Pick whole rows up to a budget, in an order that depends on nothing but their ids and the seed.

    Rows are taken in the order of a hash of `sample_id` until the next one would exceed the budget. So the pick is the same
    whatever order the rows come in, and a larger budget only adds to a smaller one.

    Args:
        rows: Rows with `sample_id` and `words`.
        budget: Words at most.
        seed: Another seed picks others.
    """
    picked, spent = [], 0
    for row in sorted(rows, key=lambda row: digest("budget", seed, row["sample_id"])):
        if spent + row["words"] > budget:
            break
        spent += row["words"]
        picked.append(row)
    return picked


def equal_budget(
    groups: Mapping[str, Sequence[Mapping[str, Any]]], *, seed: int = 0
) -> dict[str, list[Mapping[str, Any]]]:
    """Pick from each group as many words as the smallest has."""
    budget = min((sum(row["words"] for row in rows) for rows in groups.values()), default=0)
    return {name: budget_words(rows, budget, seed=seed) for name, rows in groups.items()}
