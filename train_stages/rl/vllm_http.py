"""Asking a vLLM server that trains along: JSON there and back, without any proxy."""

import json
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from storage.errors import ModelServerError

TIMEOUT_S = 1800.0


def root_of(endpoint: str) -> str:
    """Return the address of a server without the `/v1` of its API."""
    return endpoint.rstrip("/").removesuffix("/v1")


def served_name(endpoint: str) -> str:
    """Return the name of the model that a server serves.

    Raises:
        ModelServerError: It cannot be reached, or serves none.
    """
    models = call(f"{root_of(endpoint)}/v1/models").get("data") or []
    if not models:
        raise ModelServerError(f"{endpoint} serves no model; is it a vLLM server?")
    return str(models[0]["id"])


def call(url: str, body: dict[str, Any] | None = None, *, missing: str = "") -> dict[str, Any]:
    """GET, or POST JSON.

    Args:
        url: Where.
        body: What is posted; None gets.
        missing: What to do where the server does not know the address.

    Raises:
        ModelServerError: The server cannot be reached, refuses, or does not answer with JSON.
    """
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data, {"Content-Type": "application/json"})  # noqa: S310 - http, checked by the configuration
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=TIMEOUT_S) as response:
            text = response.read()
    except HTTPError as error:
        remedy = f": {missing}" if error.code == 404 and missing else f": {error.read(500)!r}"
        raise ModelServerError(f"the vLLM server refused {url} with status {error.code}{remedy}") from None
    except (URLError, OSError) as error:
        raise ModelServerError(f"the vLLM server cannot be reached at {url}: {error}") from None
    try:
        answer = json.loads(text or b"{}")
    except (ValueError, RecursionError):
        raise ModelServerError(f"{url} did not answer with JSON; is it a vLLM server?") from None
    return answer if isinstance(answer, dict) else {}
