"""Held-out sets: drawn once, and what is missing of them is said."""

from storage.lake.lake import Lake
from synth.night.draw import Draw, hold_out


def draw(heldout):
    return Draw("puzzles", "knights_knaves", {"people": [2]}, 10, None, heldout, 0, (2,))


def test_a_tier_that_has_fewer_problems_than_asked_for_says_how_many(lake: Lake):
    assert hold_out(lake, draw(5), night="1", seed=0) == 0
    missing = hold_out(lake, draw(500), night="1", seed=0)
    held = lake.rows("select count(*) n from problems where split = 'heldout'")[0]["n"]
    assert missing == 500 - (held - 5) > 300
    assert hold_out(lake, draw(500), night="2", seed=0) == 0, "drawn once for all nights"
