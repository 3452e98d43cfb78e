"""A question to a Prefect server, asked as every Prefect client asks it.

A server on SQLite answers 503 when two writers meet, and means: ask again. Prefect's own client does.
"""

from collections.abc import Collection
from typing import Any

from flows.service.prefect_server import prefect_client
from tests.waiting import wait_for


def ask(url: str, path: str, body: Any = None, method: str = "POST", login: str | None = None) -> Any:
    """The JSON that the server at `url` (its API) answers; None where it answers nothing."""
    with prefect_client(url, login) as client:
        answer = client.request(method, f"/{path}", json={} if body is None else body)
        answer.raise_for_status()
        return answer.json() if answer.content else None


def runs_of(url: str, tag: str) -> list[dict[str, Any]]:
    """The flow runs with a tag."""
    return ask(url, "flow_runs/filter", {"flow_runs": {"tags": {"all_": [tag]}}})


def materialised(url: str, asset: str, runs: Collection[str]) -> list[dict[str, Any]]:
    """The materialisations of an asset in some flow runs, once the server has written them down."""

    def look() -> list[dict[str, Any]]:
        wanted = {"event": {"name": ["prefect.asset.materialization.succeeded"]}, "resource": {"id": [asset]}}
        events = ask(url, "events/filter", {"filter": wanted})["events"]
        return [event for event in events if _runs_of_event(event) & set(runs)]

    return wait_for(look, 120, awaited=f"the materialisation of {asset}")


def _runs_of_event(event: dict[str, Any]) -> set[str]:
    return {related["prefect.resource.id"].rpartition(".")[2] for related in event["related"]}
