"""Every attack of `stress/attacks/` fails. `make stress`, or `make attacks` for the table alone.

What was counted goes to `stress/results/attacks.json`, one entry per kind, with the date and the load.
"""

import pytest

from stress.attacks.runner import entries, keep, kinds, run

FEWEST = {
    "arguments": 30, "browser": 30, "endpoints": 40, "programs": 60, "recipes": 50, "rows": 20, "sql": 200, "window": 50,
}  # fmt: skip


@pytest.mark.parametrize("kind", kinds())
def test_no_attack_succeeds(kind: str) -> None:
    """One attack after the other, each in a folder of its own."""
    outcomes = list(run(kind))
    keep(kind, outcomes)
    broken = {outcome.name: outcome.broken for outcome in outcomes if outcome.broken is not None}
    assert not broken
    if left_out := {outcome.not_tried for outcome in outcomes if outcome.not_tried is not None}:
        pytest.skip(f"not all could be tried: {', '.join(sorted(left_out))}")


@pytest.mark.parametrize("kind", kinds())
def test_there_are_enough(kind: str) -> None:
    """A kind that loses its data is not one that nobody can attack."""
    assert len(entries(kind)) >= FEWEST[kind]
