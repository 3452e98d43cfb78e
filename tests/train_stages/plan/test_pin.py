"""What a plan is pinned to: what determines what its stages make, and nothing else."""

import pytest

from tests.extension.example_parts import losses
from train_stages.plan.pin import plan_digests
from train_stages.plan.steps import read_plan

PLAN = [{"sft": {"name": "first", "epochs": 1}}, {"rl": {"name": "second", "steps": 3}}]


def changed(plan, other):
    before, now = plan_digests(read_plan(plan)), plan_digests(read_plan(other))
    return sorted(name for name in {*before, *now} if before.get(name) != now.get(name))


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"epochs": 2}, ["stage first"]),
        ({"where": "tier = 1"}, ["stage first"]),
        ({"limit": 5}, ["stage first"]),
        ({"seed": 5}, ["stage first"]),
        ({"loss": "dft"}, ["sources of cross_entropy", "sources of dft", "stage first"]),
        ({"transforms": ["dualformer"]}, ["sources of dualformer", "stage first"]),
        ({"save_every": 3, "log_every": 1}, []),
    ],
)
def test_what_determines_a_stage_changes_its_digest(settings, names):
    assert changed(PLAN, [{"sft": {"name": "first", "epochs": 1, **settings}}, PLAN[1]]) == names


def test_another_stage_and_another_start_are_seen():
    assert changed(PLAN, [*PLAN, {"sft": {"name": "third"}}]) == ["stage third"]
    assert changed(PLAN, [PLAN[0], {"rl": {"name": "second", "steps": 3, "from": "incumbent"}}]) == ["stage second"]


def test_a_part_whose_file_changes_is_named(monkeypatch, tmp_path):
    from train_stages.losses.dft import Dft

    plan = [{"sft": {"loss": "dft"}}]
    before = plan_digests(read_plan(plan))
    assert before["sources of dft"] != before["sources of sft"]
    monkeypatch.setattr("inspect.getfile", lambda source: losses.__file__ if source is Dft else __file__)
    assert plan_digests(read_plan(plan))["sources of dft"] != before["sources of dft"]
