"""What the Prefect page of a run shows, on a real server."""

import base64
import json
from xml.etree import ElementTree

from tests.flows.conftest import SMALL
from tests.flows.prefect_api import ask, materialised, runs_of


def artifacts(url: str, key: str) -> list[dict]:
    return ask(url, "artifacts/filter", {"artifacts": {"key": {"like_": key}}, "limit": 50})


def test_a_run_shows_its_progress_funnel_summary_and_chart(cli):
    recipe = cli.recipe({**SMALL, "name": "shown"})
    cli("run", recipe, "--date", "2026-03-01", "--quiet")
    url = cli.environment["PREFECT_API_URL"]
    listed = artifacts(url, "2026-03-01-shown")
    shown = {artifact["type"]: artifact for artifact in listed if not artifact["key"].startswith(("report-", "rows-"))}
    assert len({artifact["flow_run_id"] for artifact in shown.values()}) == 1
    assert json.loads(shown["table"]["data"])[0] == {
        "method": "cot", "planned": 60, "done": 60, "failed": 0, "made": 60, "accepted": 60, "rejected": 0,
    }  # fmt: skip
    text = shown["markdown"]["data"]
    assert "60 of 60 rows were accepted" in text and "2026-03-01-shown.html" in text and "shown" in text
    kind, _, data = shown["image"]["data"].partition(",")
    picture = ElementTree.fromstring(base64.b64decode(data))
    assert kind == "data:image/svg+xml;base64" and picture.tag == "{http://www.w3.org/2000/svg}svg"
    run = shown["table"]["flow_run_id"]
    bars = [artifact for artifact in artifacts(url, "progress-attempts") if artifact["flow_run_id"] == run]
    assert [artifact["data"] for artifact in bars] == [100]
    links = [artifact["data"] for artifact in listed if artifact["key"].startswith(("report-", "rows-"))]
    assert any("http://127.0.0.1:4210/reports/2026-03-01-shown.html" in link for link in links)
    assert any("http://127.0.0.1:4210/night/2026-03-01/shown" in link for link in links)
    assert [(run["name"], run["tags"]) for run in runs_of(url, "shown")] == [
        ("2026-03-01/shown", ["2026-03-01", "nightschool", "shown"])
    ]
    (made,) = materialised(url, "nightschool://release/small", {run})
    assert made["payload"]["rows"] == 60 and made["payload"]["by_method"] == {"cot": 60}
    assert {"nightschool://problems/arithmetic", "nightschool"} <= {
        related["prefect.resource.id"] for related in made["related"]
    }

    said = cli("run", recipe, "--date", "2026-03-01", "--quiet", "--set", "problems.limit=50", code=1)
    assert "was started with other" in said and "Traceback" not in said
    states = {run["state"]["type"]: run["state"]["message"] for run in runs_of(url, "shown")}
    command = f"nightschool run {recipe} --date 2026-03-01 --set problems.limit=50 --workspace {cli.workspace} --repin"
    assert "was started with other" in states["FAILED"] and f"Next: `{command}`" in states["FAILED"]
