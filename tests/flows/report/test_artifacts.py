"""What the Prefect page of a run shows, on a real server."""

import base64
import json
from xml.etree import ElementTree

from tests.flows.conftest import SMALL
from tests.flows.prefect_api import ask


def artifacts(url: str, key: str) -> list[dict]:
    return ask(url, "artifacts/filter", {"artifacts": {"key": {"like_": key}}, "limit": 50})


def test_a_run_shows_its_progress_funnel_summary_and_chart(cli):
    recipe = cli.recipe({**SMALL, "name": "shown"})
    cli("run", recipe, "--date", "2026-03-01", "--quiet")
    url = cli.environment["PREFECT_API_URL"]
    shown = {artifact["type"]: artifact for artifact in artifacts(url, "2026-03-01-shown")}
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
