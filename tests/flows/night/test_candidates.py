"""A night of candidates: one row of each attempt is taken, the others are rejected as not chosen, and all keep their scores."""

import copy

from flows.report.gather import gather
from flows.report.page import render
from storage.lake.lake import Lake
from storage.workspace import Workspace
from tests.flows.conftest import SMALL

EFFICIENCIES = ("outcome_efficiency", "process_efficiency")


def test_one_of_each_attempt_is_accepted_and_every_row_has_its_scores(cli):
    content = copy.deepcopy(SMALL)
    content["problems"]["limit"] = 10
    content["methods"] = [
        {"method": "candidates", "params": {"samples": 3, "chooser": "shortest_right", "scorers": list(EFFICIENCIES)}}
    ]
    content["alarms"] = {"share": 1}
    cli("run", cli.recipe(content), "--date", "2026-01-01", "--quiet")
    with Lake(Workspace.open(cli.workspace), read_only=True) as lake:
        decided = lake.rows("select outcome, reason, count(*) as n from decisions group by all order by all")
        scores = lake.rows("select scorer, count(*) as n, min(value) as low from scores group by all order by all")
        judges = lake.rows("select * from calibrations")
        lengths = lake.rows("select * from thought_lengths")
        told = gather(lake, lengths[0]["night"])
    assert decided == [
        {"outcome": "accepted", "reason": None, "n": 10},
        {"outcome": "rejected", "reason": "method_rejection:not_chosen", "n": 20},
    ]
    names = ["answer", "length", *EFFICIENCIES]
    assert [(row["scorer"], row["n"]) for row in scores] == [(name, 30) for name in names] and scores[0]["low"] == 1.0
    assert judges == [], "no judge decided"
    (row,) = lengths
    assert (row["method"], row["answers"], row["right_share"]) == ("candidates", 30, 1.0)
    assert row["outcome_efficiency"] == 1.0 and row["process_efficiency"] == 1.0, "a rule wastes no words"
    assert told["thought_lengths"] == [{name: value for name, value in row.items() if name != "night"}]
    assert "outcome efficiency" in render(told)
