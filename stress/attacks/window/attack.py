"""Sends one raw request to a window (`nightschool ui`) at work: as nobody, with the cookie of its page, or as its owner's page.

`as` says what the request carries: `nobody` nothing, `cookie` the window's cookie, `owner` also origin and second token. Whoever
it is, the answer comes in time, is no fault of the window's, and holds nothing of the host; nobody learns a row; no review is made.
`{secret}` in a request is a file with a secret, `{canary}` one that must not be, `{row}` a row whose review the window takes from
its owner (which is tried first, so that a review that is let in is one that is made).
"""

import atexit
import http.client
import json
import os
import socket
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from storage.lake import reviews
from tests.flows.window.opened import TOKEN, Window, fill, opened

SECRET = "c4n4ry-in-a-mine"  # noqa: S105 - what an attack must not get hold of
ROWS = ("It is new.", "written@", "tutorship")
"""What stands in pages that only the owner sees."""
LONGEST_S = 120.0


@cache
def _window() -> tuple[Window, Path, str]:
    kept = ExitStack()  # until this process ends
    atexit.register(kept.close)
    folder = Path(kept.enter_context(tempfile.TemporaryDirectory(prefix="attack-window-", ignore_cleanup_errors=True)))
    (folder / "secret").write_text(SECRET)
    os.environ["ATTACKED_SECRET"] = SECRET
    window = kept.enter_context(opened(fill(folder / "w")))
    return window, folder, reviewed(window)


def reviewed(window: Window) -> str:
    """Review a row as the owner of the window; return the row."""
    (row,) = window.shelf.lake.rows("select sample_id from samples where response = 'It is new.'")
    review = json.dumps({"reviews": [{"review_id": "its owner's", "sample_id": row["sample_id"], "verdict": "accept"}]})
    status, text = _asked({"as": "owner", "path": "/reviews", "body": review}, window, {})
    if status != 200 or len(reviews.reviews_of(window.shelf.lake)) != 1:
        raise RuntimeError(f"the owner's review was not taken: {status} {text[:200]}")
    return str(row["sample_id"])


def attack(entry: Mapping[str, Any], folder: Path) -> str | None:
    """Send the request; return what happened that must not."""
    window, home, row = _window()
    canary = folder / "canary"
    before = len(reviews.reviews_of(window.shelf.lake))
    began = time.monotonic()
    places = {"secret": str(home / "secret"), "canary": str(canary), "token": TOKEN, "row": row}
    places["port"] = str(window.port)
    try:
        status, answer = _raw(entry, window, places) if "raw" in entry else _asked(entry, window, places)
    except ConnectionError:  # it does not read what is too long to its end
        status, answer = 400, ""
    if status >= 500 or "Traceback" in answer:
        return f"a fault of the window: {status} {answer[:200]}"
    if SECRET in answer or canary.exists():
        return "it reached the host"
    if entry["as"] == "nobody":
        if status == 200 or any(marker in answer for marker in ROWS) or TOKEN in answer:
            return f"nobody was let in: {status} {answer[:200]}"
    elif "status" in entry and status != entry["status"]:
        return f"status {status}: {answer[:200]}"
    if len(reviews.reviews_of(window.shelf.lake)) != before:
        return "a review was made"
    took = time.monotonic() - began
    return f"it took {took:.0f} s" if took > LONGEST_S else _well(window)


def _headers(entry: Mapping[str, Any], window: Window, places: Mapping[str, str]) -> dict[str, str]:
    sent = dict(window.headers)
    if entry["as"] == "cookie":
        sent = {"cookie": sent["cookie"]}
    elif entry["as"] == "nobody":
        sent = {}
    return {**sent, **{str(name).lower(): _filled(value, places) for name, value in entry.get("headers", {}).items()}}


def _filled(value: Any, places: Mapping[str, str]) -> str:
    text = str(value["text"]) * int(value["times"]) if isinstance(value, dict) else str(value)
    for name, filling in places.items():
        text = text.replace(f"{{{name}}}", filling)
    return text


def _asked(entry: Mapping[str, Any], window: Window, places: Mapping[str, str]) -> tuple[int, str]:
    path = _filled(entry["path"], places)
    query = "&".join(
        f"{name}={quote(_filled(value, places), safe='')}" for name, value in entry.get("query", {}).items()
    )
    body = _filled(entry["body"], places).encode("utf-8", "surrogatepass") if "body" in entry else None
    connection = http.client.HTTPConnection("127.0.0.1", window.port, timeout=LONGEST_S)
    method = entry.get("method", "POST" if body else "GET")
    try:
        connection.request(
            method, f"{path}?{query}" if query else path, body=body, headers=_headers(entry, window, places)
        )
        reply = connection.getresponse()
        head = "\n".join(f"{name}: {value}" for name, value in reply.getheaders() if name.lower() != "set-cookie")
        return reply.status, head + reply.read().decode(errors="replace")
    finally:
        connection.close()


def _raw(entry: Mapping[str, Any], window: Window, places: Mapping[str, str]) -> tuple[int, str]:
    """Send bytes as they stand; what is no HTTP at all has status 0."""
    with socket.create_connection(("127.0.0.1", window.port), timeout=LONGEST_S) as connection:
        connection.sendall(_filled(entry["raw"], places).encode("latin-1"))
        with suppress(OSError):  # the window has closed it already
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    text = answer.decode(errors="replace")
    first = text.split(" ", 2)
    return (int(first[1]) if len(first) > 1 and first[1].isdecimal() else 0), text


def _well(window: Window) -> str | None:
    """Ask for a page as its owner does: the window has to be as it was."""
    status, text = _asked({"as": "cookie", "path": "/rows"}, window, {})
    return None if status == 200 and "tutorship" in text else f"afterwards the window answers {status}: {text[:200]}"
