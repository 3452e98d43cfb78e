"""What the doctor asks over HTTP: the Prefect server, its workers, the endpoints of a recipe's models."""

import base64
import json
import os
import re
from collections.abc import Iterator
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import Request, urlopen

if TYPE_CHECKING:
    from synth.engines.spec import ModelSpec

Found = tuple[Any, ...]
"""Part, level, what was found, and perhaps a remedy."""

PATIENCE_S = 10.0


def bare(address: str) -> str:
    """Return an address without user, password and query, fit to be shown."""
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def masked(text: str) -> str:
    """Return text without the passwords of connection strings and addresses."""
    return re.sub(r"(?i)(password\s*=\s*)('[^']*'|\S+)|(://[^/@\s:]*:)[^@\s]+(?=@)", r"\1\3***", text)


def prefect_lines(service: str | None = None, login: str | None = None) -> Iterator[Found]:
    """Look at the server that PREFECT_API_URL names, and at who works for it.

    Args:
        service: Address of the server of a `nightschool up`, which is used when the variable is not set.
        login: That server's login, `user:password`.
    """
    address = os.environ.get("PREFECT_API_URL") or service
    if not address:
        said = "embedded in each run (PREFECT_API_URL is not set)"
        yield "Prefect", "ok", said, ""
        return
    shown = bare(address)
    key = _basic(login) if login and address == service else _prefect_key()
    try:
        version = _ask(f"{address.rstrip('/')}/admin/version", key)
        pools = _ask(f"{address.rstrip('/')}/work_pools/filter", key, {"limit": 50})
    except (URLError, OSError, ValueError, HTTPException) as error:
        remedy = "start it, or unset PREFECT_API_URL to use the embedded one"
        yield "Prefect", "fail", f"{shown} does not answer: {_reason(error)}", remedy
        return
    yield "Prefect", "ok", f"{shown}, version {version}"
    if not pools:
        remedy = "prefect work-pool create --type process cpu"
        yield "work pools", "warn", "there is none, so nothing runs on a schedule", remedy
    for pool in pools:
        path = f"{address.rstrip('/')}/work_pools/{pool['name']}/workers/filter"
        workers = [one for one in _ask(path, key, {"limit": 200}) if one.get("status") == "ONLINE"]
        if pool.get("is_paused"):
            yield "worker", "warn", f"pool {pool['name']} is paused", f"prefect work-pool resume {pool['name']}"
        elif workers:
            yield "worker", "ok", f"pool {pool['name']}: {len(workers)} online"
        else:
            remedy = f"prefect worker start --pool {pool['name']}"
            yield "worker", "warn", f"pool {pool['name']} has no worker online", remedy


def endpoint_lines(role: str, spec: "ModelSpec") -> Iterator[Found]:
    """Look at the endpoints of a role: whether they answer, and whether they serve its model."""
    part = f"models.{role}"
    key = os.environ.get(spec.api_key_env) if spec.api_key_env else None
    if spec.api_key_env and not key:
        said = f"the environment variable {spec.api_key_env} is empty or not set"
        yield part, "fail", said, f"export {spec.api_key_env}=..."
        return
    for address in spec.endpoints:
        shown = bare(address)
        root = address.rstrip("/").removesuffix("/v1")
        try:
            listed = _ask(f"{root}/v1/models", f"Bearer {key}" if key else None)
            names = [str(one["id"]) for one in listed["data"]]
        except (URLError, OSError, ValueError, KeyError, TypeError, HTTPException) as error:
            remedy = f"start the server, or correct models.{role}.endpoint"
            yield part, "fail", f"{shown} does not answer: {_reason(error)}", remedy
            continue
        if spec.name and spec.name not in names:
            remedy = f"set models.{role}.name to what it serves: {', '.join(names[:5]) or 'nothing'}"
            yield part, "fail", f"{shown} does not serve {spec.name}", remedy
        else:
            yield part, "ok", f"{shown} serves {spec.name or ', '.join(names[:3])}"


def _ask(address: str, authorization: str | None, body: Any = None) -> Any:
    parts = urlsplit(address)
    if parts.username and authorization is None:
        authorization = _basic(f"{unquote(parts.username)}:{unquote(parts.password or '')}")
    address = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    headers = {"Content-Type": "application/json"} | ({"Authorization": authorization} if authorization else {})
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(address, data=data, headers=headers), timeout=PATIENCE_S) as reply:  # noqa: S310
        return json.load(reply)


def _prefect_key() -> str | None:
    if key := os.environ.get("PREFECT_API_KEY"):
        return f"Bearer {key}"
    if pair := os.environ.get("PREFECT_API_AUTH_STRING"):
        return _basic(pair)
    return None


def _basic(pair: str) -> str:
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _reason(error: Exception) -> str:
    """What happened, without the address, which may hold a password."""
    if isinstance(error, HTTPError):
        return f"HTTP {error.code}"
    return str(error.reason) if isinstance(error, URLError) else type(error).__name__
