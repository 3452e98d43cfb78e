"""`nightschool schedules`: each has a curve of its own, and the rate that goes with another schedule."""

import json

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.cli.commands.schedules import BARS, WIDTH, curve
from train_stages.schedules import SCHEDULES


def invoke(*arguments):
    return CliRunner().invoke(app, ["schedules", *arguments], catch_exceptions=False)


def test_every_schedule_is_listed_with_its_curve_and_rate():
    rows = {row["schedule"]: row for row in json.loads(invoke("--json").stdout)}
    assert list(rows) == SCHEDULES.names() and len({row["curve"] for row in rows.values()}) == len(rows)
    assert rows["warmup_stable_decay"]["rate_times"] == rows["warmup_stable_decay"]["bound"] == 1
    assert rows["constant"]["rate_times"] < 1 < rows["constant"]["bound"]
    back = json.loads(invoke("warmup_stable_decay", "--tuned", "constant", "--json").stdout)[0]
    assert back["rate_times"] == pytest.approx(1 / rows["constant"]["rate_times"], rel=2e-3)


def test_one_schedule_has_its_settings_and_a_wrong_name_the_nearest():
    shown = invoke("cyclical", "--steps", "100").stdout
    assert "shrink" in shown and "lowest" in shown
    wrong = CliRunner().invoke(app, ["schedules", "cosin"])
    assert wrong.exit_code != 0 and "cosine" in wrong.output


def test_a_curve_goes_from_the_first_step_to_the_last():
    assert curve([0.0, 0.5, 1.0]) == f"{BARS[0]}{BARS[4]}{BARS[7]}"
    assert len(curve([1.0] * 1000)) == WIDTH and curve([1.0]) == BARS[7]
