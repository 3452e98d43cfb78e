"""What a morning report asks grows with its night, not with the verdicts of all nights."""

import re

import pytest

from storage.lake.lake import Lake, table_of
from storage.lake.overview import Overview
from storage.workspace import Workspace
from tests.filters.helpers import row, table

NIGHTS = [f"2026-01-0{day}/small" for day in range(1, 7)]
ROWS = 40


@pytest.fixture
def lake(tmp_path):
    with Lake(Workspace.create(tmp_path / "w")) as opened:
        for night in NIGHTS:
            rows = [row(f"{night}-{number:03}", night=night) for number in range(ROWS)]
            verdicts = [
                {
                    "sample_id": item["sample_id"],
                    "filter": name,
                    "version": "1",
                    "outcome": outcome,
                    "detail": '{"kept": "x"}',
                    "night": night,
                }
                for item in rows
                for name, outcome in (("near_duplicates", "fail"), ("policy", "rejected"))
            ]
            tables = {"samples": table(*rows), "verdicts": table_of("verdicts", verdicts)}
            opened.commit(f"samples {night}", "samples", tables, night=night)
        yield opened


def files_read(lake, statement, parameters):
    (plan,) = lake.rows(f"explain analyze {statement}", parameters)
    scans = re.split(r"(?=DUCKLAKE_SCAN|TABLE_SCAN)", plan["explain_value"])
    return [
        int(count)
        for scan in scans
        if re.search(r"Table:\s*verdicts", scan)
        for count in re.findall(r"Total Files Read:\s*(\d+)", scan)[:1]
    ]


def test_only_files_of_the_night_are_read(lake, monkeypatch):
    asked = []
    query = lake.query
    monkeypatch.setattr(
        lake,
        "query",
        lambda statement, parameters=(): asked.append((statement, parameters)) or query(statement, parameters),
    )
    overview = Overview(lake, NIGHTS[2])
    assert len(overview.duplicates(500)) == ROWS
    (shown,) = overview.rows([f"{NIGHTS[2]}-001"]).values()
    assert [verdict["filter"] for verdict in shown["verdicts"]] == ["near_duplicates", "policy"]
    monkeypatch.undo()
    about = [
        (statement, parameters) for statement, parameters in asked if re.search("verdicts|observations", statement)
    ]
    assert [files_read(lake, *item) for item in about] == [[1]] * 3
    assert files_read(lake, "select count(distinct sample_id) from verdicts", []) == [len(NIGHTS)]
