"""A night of candidates: one row of each attempt is taken, the others are rejected as not chosen, and all keep their scores."""

import copy

from storage.lake.lake import Lake
from storage.workspace import Workspace
from tests.flows.conftest import SMALL


def test_one_of_each_attempt_is_accepted_and_every_row_has_its_scores(cli):
    content = copy.deepcopy(SMALL)
    content["problems"]["limit"] = 10
    content["methods"] = [{"method": "candidates", "params": {"samples": 3, "chooser": "shortest_right"}}]
    content["alarms"] = {"share": 1}
    cli("run", cli.recipe(content), "--date", "2026-01-01", "--quiet")
    with Lake(Workspace.open(cli.workspace), read_only=True) as lake:
        decided = lake.rows("select outcome, reason, count(*) as n from decisions group by all order by all")
        scores = lake.rows("select scorer, count(*) as n, min(value) as low from scores group by all order by all")
        judges = lake.rows("select * from calibrations")
    assert decided == [
        {"outcome": "accepted", "reason": None, "n": 10},
        {"outcome": "rejected", "reason": "method_rejection:not_chosen", "n": 20},
    ]
    assert [(row["scorer"], row["n"]) for row in scores] == [("answer", 30), ("length", 30)] and scores[0]["low"] == 1.0
    assert judges == [], "no judge decided"
