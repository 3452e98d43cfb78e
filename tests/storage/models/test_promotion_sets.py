"""Promotion sets: fresh items for each decision, counted looks where there are none left."""

import pytest

from storage.lake.lake import Lake
from storage.lake.nights import structures
from storage.models.promotion_sets import earlier_looks, look_row, set_problems
from storage.workspace import Workspace
from synth.night.draw import Draw, decision_items, draw_night, hold_out
from train_stages.promotion.statistics import spent_alpha


@pytest.fixture
def lake(tmp_path):
    with Lake(Workspace.create(tmp_path / "w")) as lake:
        yield lake


def arithmetic(**more):
    return Draw("sums", "arithmetic", {"tiers": [1]}, 100, 1, 30, 10, (1,), **more)


def decide(lake, night, draws, **more):
    items = decision_items(lake, draws, night=night, seed=0, fresh=more.get("fresh", True))
    version = lake.rows("select distinct set_version from evaluation_sets where night = ?", [night])[0]["set_version"]
    look = 1 + earlier_looks(lake, version, night=night)
    row = look_row(version, incumbent="a", candidate=night, look=look, level=0.05, items=len(items), night=night)
    lake.commit(f"look:{night}", "promotion", {"promotion_looks": row}, night=night)
    return items, look


def test_each_decision_has_items_of_its_own_and_no_night_learns_them(lake):
    draw = arithmetic()
    hold_out(lake, draw, night="1", seed=0)
    first, look_1 = decide(lake, "1", [draw])
    second, look_2 = decide(lake, "2", [draw])
    assert (len(first), len(second), look_1, look_2) == (30, 30, 1, 1)
    assert not {p.structure_id for p in first} & {p.structure_id for p in second}
    again = decision_items(lake, [draw], night="1", seed=0, fresh=True)
    assert again == first, "a resumed night decides by the same items"
    learned = draw_night(lake, [draw], night="3", seed=0, fresh=True, drop=print)[draw.name]
    assert not {p.structure_id for p in learned} & structures(lake, ["heldout", "validation"])
    assert len(set_problems(lake, "2")) == 30


def test_a_source_that_runs_out_decides_by_all_its_items_and_pays_for_the_looks(lake):
    draw = Draw("two", "knights_knaves", {"people": [2]}, 10, 2, 40, 0, (2,))
    hold_out(lake, draw, night="1", seed=0)
    first, _ = decide(lake, "1", [draw])
    second, _ = decide(lake, "2", [draw])
    third, look_3 = decide(lake, "3", [draw])
    assert len(first) == 40 and len(second) >= 40 and len(third) >= len(second)
    assert look_3 > 1
    assert spent_alpha(0.05, look_3) < 0.05


def test_without_fresh_draws_every_look_counts(lake):
    draw = arithmetic()
    hold_out(lake, draw, night="1", seed=0)
    looks = [decide(lake, str(night), [draw], fresh=False)[1] for night in (1, 2, 3)]
    assert looks == [1, 2, 3]


def test_the_spending_never_exceeds_alpha():
    levels = [spent_alpha(0.05, look) for look in range(1, 2000)]
    assert levels[:3] == [0.05, 0.025, pytest.approx(0.05 / 6)]
    assert sum(levels) / 2 < 0.05  # a promotion is one of the two sides
