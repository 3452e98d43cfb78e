"""Questions over HTTP with credentials that are never shown."""

import base64
import json
import re
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import Request, urlopen

PATIENCE_S = 10.0
"""How long a server may take to answer."""
NO_ANSWER = (URLError, OSError, ValueError, HTTPException)
"""What `ask` raises when there is no answer, or none that is JSON."""


def ask(address: str, authorization: str | None = None, body: Any = None) -> Any:
    """Return the JSON at an address; user and password in it are sent as basic authentication.

    Args:
        address: Where to.
        authorization: The `Authorization` header.
        body: Posted as JSON; None gets.

    Raises:
        OSError, ValueError, HTTPException: `NO_ANSWER` has them all; see `reason`.
    """
    parts = urlsplit(address)
    if parts.username and authorization is None:
        authorization = basic(f"{unquote(parts.username)}:{unquote(parts.password or '')}")
    address = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    headers = {"Content-Type": "application/json"} | ({"Authorization": authorization} if authorization else {})
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(address, data=data, headers=headers), timeout=PATIENCE_S) as reply:  # noqa: S310
        return json.load(reply)


def basic(login: str) -> str:
    """Return the header of a login, `user:password`."""
    return f"Basic {base64.b64encode(login.encode()).decode()}"


def reason(error: Exception) -> str:
    """Return what happened without the address, which may hold a password."""
    if isinstance(error, HTTPError):
        return f"HTTP {error.code}"
    return str(error.reason) if isinstance(error, URLError) else type(error).__name__


def bare(address: str) -> str:
    """Return an address without user, password and query, fit to be shown."""
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def masked(text: str) -> str:
    """Return text without the passwords of connection strings and addresses."""
    return re.sub(r"(?i)(password\s*=\s*)('[^']*'|\S+)|(://[^/@\s:]*:)[^@\s]+(?=@)", r"\1\3***", text)
