"""Who may use the window: whoever has its token, from its own pages, under this machine's name.

Any page that a browser on this machine opens can reach 127.0.0.1. So a request needs the cookie that the first address sets (it is
HttpOnly and SameSite=Strict), must name this machine in `Host`, and must come from the window's own pages; one that changes
something also carries a second token in a header, which a foreign page can neither read nor set. Processes of other users of this
machine are refused whatever they know (`flows.window.peers`).
"""

import hashlib
import hmac
import os
import secrets
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from flows.window.peers import user_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOSTS = ("127.0.0.1", "localhost")
"""What a request may call this machine."""
HEADER = "x-nightschool-token"
"""Header with the second token."""
COOKIE = "nightschool"
MOST_BYTES = 1 << 20
"""Bytes that a request may send."""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types nightschool"
)
REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""For a morning report, which has its style inside and no script."""
_ALWAYS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
_CLOSED = (
    "This window is open to whoever started it. Open it by the address that `nightschool ui` prints; "
    "`nightschool ui` prints it again while it runs."
)
_FROM_ELSEWHERE = (
    '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0"><title>Nightschool</title>'
)
"""Loads the same address once more, then as a page of the window's own: a browser keeps the cookie back from a link elsewhere."""


def new_token() -> str:
    """Make the token of a window that is about to start."""
    return secrets.token_urlsafe(32)


def second_token(token: str) -> str:
    """Return what a request that changes something carries besides the cookie."""
    return hmac.new(token.encode(), b"change", hashlib.sha256).hexdigest()


def _same(text: str, secret: str) -> bool:
    """Compare in a time that does not depend on where they differ."""
    return hmac.compare_digest(text.encode(), secret.encode())


class Guard:
    """Middleware that answers nobody else, and says what a page may do.

    Args:
        app: The application.
        token: The token of the first address.
        port: Where the window listens: cookies of a machine are shared by its ports, so each has a name of its own.
    """

    def __init__(self, app: "ASGIApp", token: str, port: int) -> None:
        self._app, self._token, self._cookie, self._port = app, token, f"{COOKIE}_{port}", port

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            else:  # the window has no sockets
                await send({"type": "websocket.close"})
            return
        headers = Headers(scope=scope)

        async def closed(message: "Message") -> None:
            if message["type"] == "http.response.start":
                answered = MutableHeaders(scope=message)
                for name, value in {**_ALWAYS, "content-security-policy": _POLICY}.items():
                    answered.setdefault(name, value)
            await send(message)

        answer: Response | None = self._refusal(scope, headers) or self._entry(scope)
        if answer is None and not self._has_cookie(headers):
            answer = self._stranger(headers)
        if answer is None and scope["method"] not in ("GET", "HEAD"):
            answer = self._changing(headers)
        await (answer or self._app)(scope, receive, closed)

    def _refusal(self, scope: "Scope", headers: Headers) -> PlainTextResponse | None:
        """Refuse another user of this machine, a foreign name of it, and what a page of another origin sends."""
        if user_of(scope.get("client"), self._port) not in (None, 0, os.getuid()):
            return PlainTextResponse("this window is open to the user who started it", status_code=403)
        host = headers.get("host", "")
        if host.rpartition(":")[0] not in HOSTS and host not in HOSTS:
            return PlainTextResponse("this server answers to 127.0.0.1 only", status_code=400)
        if any(origin != f"http://{host}" for origin in headers.getlist("origin")):
            return PlainTextResponse("this server answers its own pages only", status_code=403)
        elsewhere = headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
        if elsewhere and (headers.get("sec-fetch-mode") != "navigate" or scope["method"] != "GET"):
            return PlainTextResponse("this server answers its own pages only", status_code=403)
        return None

    def _entry(self, scope: "Scope") -> RedirectResponse | None:
        """Give the cookie to who has the token in the address, and take it out of the address."""
        token = QueryParams(scope["query_string"]).get("token")
        if token is None or not _same(token, self._token):
            return None
        answer = RedirectResponse("/" + scope["path"].lstrip("/"), status_code=303)
        answer.set_cookie(self._cookie, self._token, httponly=True, samesite="strict", path="/")
        return answer

    def _has_cookie(self, headers: Headers) -> bool:
        return _same(cookie_parser(headers.get("cookie", "")).get(self._cookie, ""), self._token)

    def _stranger(self, headers: Headers) -> PlainTextResponse | HTMLResponse:
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and headers.get("sec-fetch-mode") == "navigate":
            return HTMLResponse(_FROM_ELSEWHERE, status_code=403)
        return PlainTextResponse(_CLOSED, status_code=403)

    def _changing(self, headers: Headers) -> PlainTextResponse | None:
        if not headers.get("origin") or not _same(headers.get(HEADER, ""), second_token(self._token)):
            return PlainTextResponse("a request that changes something needs the token of the page", status_code=403)
        length = headers.get("content-length", "")
        if not length.isdecimal() or len(length) > 9 or int(length) > MOST_BYTES:
            return PlainTextResponse("too much at once", status_code=413)
        return None
