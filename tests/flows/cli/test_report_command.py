"""`nightschool report`, after a real night."""

import json

from tests.flows.conftest import SMALL


def test_a_night_leaves_its_report_and_the_command_writes_it_again(cli):
    cli("run", cli.recipe(SMALL), "--date", "2026-01-01", "--quiet")
    path = cli.workspace / "reports" / "2026-01-01-small.html"
    page = path.read_text()
    assert "60 of 60 rows were accepted and stand in small@1" in page and "Thursday, 1 January 2026" in page
    report = json.loads(cli("report", "2026-01-01", "--json"))
    funnel = json.loads(cli("sql", "select planned, done, failed, made, accepted, rejected from funnel", "--json"))
    assert [{name: row[name] for name in funnel[0]} for row in report["funnel"]] == funnel
    assert len(report["samples"]["cot"]) == 10 and report["samples"]["cot"][0]["calls"][0]["model"] == "solver@2"
    assert report["attention"] == []
    out = cli.folder / "out.html"
    assert cli("report", "--out", out).strip() == str(out)
    assert "name a file" in cli("report", "--out", ".", code=1)
    assert "2026-01-01/small" in cli("report", "2026-02-01", code=1), "the last nights are named"
