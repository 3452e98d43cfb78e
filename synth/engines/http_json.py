"""Small questions over HTTP (which models, which version), with credentials that are never shown."""

import base64
import json
import re
import threading
from collections.abc import Callable
from http.client import HTTPException
from queue import Empty, SimpleQueue
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

PATIENCE_S = 10.0
"""How long a server may take to answer, from the first byte asked to the last one read."""
LARGEST = 8 << 20
"""Bytes of an answer that are read; a list of models or workers is far smaller."""
NO_ANSWER = (URLError, OSError, ValueError, HTTPException)
"""What `ask` raises when there is no answer, or none that is JSON."""


def ask(address: str, authorization: str | None = None, body: Any = None) -> Any:
    """Return the JSON at an address; user and password in it are sent as basic authentication.

    Args:
        address: Where to.
        authorization: The `Authorization` header.
        body: Posted as JSON; None gets.

    Raises:
        OSError, ValueError, HTTPException: `NO_ANSWER` has them all; see `reason`. A server that sends us elsewhere has not
            answered: a credential goes to the address that was named and nowhere else.
    """
    parts = urlsplit(address)
    if parts.username and authorization is None:
        authorization = basic(f"{unquote(parts.username)}:{unquote(parts.password or '')}")
    address = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    headers = {"Content-Type": "application/json"} | ({"Authorization": authorization} if authorization else {})
    data = None if body is None else json.dumps(body).encode()
    answer = _in_time(lambda: _read(Request(address, data=data, headers=headers)))  # noqa: S310
    try:
        return json.loads(answer)
    except RecursionError:
        raise ValueError("the answer is nested too deeply") from None


def _read(request: Request) -> bytes:
    with build_opener(_StayHere).open(request, timeout=PATIENCE_S) as reply:
        content: bytes = reply.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError(f"the answer is larger than {LARGEST >> 20} MiB")
    return content


class _StayHere(HTTPRedirectHandler):
    """Follows no redirect: urllib then raises it as an `HTTPError`."""

    def redirect_request(self, *_: object) -> None:
        return None


def _in_time(question: Callable[[], bytes]) -> bytes:
    """Ask in a thread that is given up after `PATIENCE_S`: a server that sends a byte now and then never times out itself."""
    answers: SimpleQueue[bytes | Exception] = SimpleQueue()

    def ask_it() -> None:
        try:
            answers.put(question())
        except Exception as error:
            answers.put(error)

    threading.Thread(target=ask_it, daemon=True).start()
    try:
        answer = answers.get(timeout=PATIENCE_S)
    except Empty:
        raise TimeoutError(f"no whole answer within {PATIENCE_S:.0f} s") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def basic(login: str) -> str:
    """Return the header of a login, `user:password`."""
    return f"Basic {base64.b64encode(login.encode()).decode()}"


def reason(error: Exception) -> str:
    """Return what happened without the address, which may hold a password."""
    if isinstance(error, HTTPError):
        elsewhere = (
            ", which sends us to another address; name that one" if error.code in (301, 302, 303, 307, 308) else ""
        )
        return f"HTTP {error.code}{elsewhere}"
    if isinstance(error, TimeoutError) and error.args:
        return str(error)
    return str(error.reason) if isinstance(error, URLError) else type(error).__name__


def denied(error: Exception) -> bool:
    """Whether a server answered, and refuses the credential or asks for one."""
    return isinstance(error, HTTPError) and error.code in (401, 403)


def bare(address: str) -> str:
    """Return an address without user, password and query, fit to be shown."""
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def masked(text: str) -> str:
    """Return text without the passwords of connection strings and addresses."""
    return re.sub(r"(?i)(password\s*=\s*)('[^']*'|\S+)|(://[^/@\s:]*:)[^@\s]+(?=@)", r"\1\3***", text)
