"""A question to a Prefect server, asked as every Prefect client asks it.

A server on SQLite answers 503 when two writers meet, and means: ask again. Prefect's own client does.
"""

from typing import Any

from flows.service.prefect_server import prefect_client


def ask(url: str, path: str, body: Any = None, method: str = "POST", login: str | None = None) -> Any:
    """The JSON that the server at `url` (its API) answers; None where it answers nothing."""
    with prefect_client(url, login) as client:
        answer = client.request(method, f"/{path}", json={} if body is None else body)
        answer.raise_for_status()
        return answer.json() if answer.content else None
