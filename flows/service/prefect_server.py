"""The Prefect server that we start ourselves: on 127.0.0.1, behind a login made at each start, closed to web pages of others.

Any page that a browser on this machine opens can reach 127.0.0.1. So a request needs the login (Prefect's own basic
authentication), must name this machine in its `Host` (a name that an attacker points here is refused) and, when a browser says
from where it was sent, must come from the server's own pages. Without the login it answers that it is healthy (`/api/health`,
`/api/ready`), and Prefect's pages with their settings (`/ui-settings`), which ask for the login themselves.
"""

import base64
import os
import secrets
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen

from storage.atomic import write_text
from storage.errors import OrchestratorError
from storage.workspace import Workspace

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

FACTORY = f"{__name__}:create_app"
HOSTS = ("127.0.0.1", "localhost")
"""What a request may call this machine."""
CLOSED = ("/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json")
"""FastAPI's own pages, which no login closes."""
START_S = 180.0
"""How long the server may take to answer; a loaded laptop takes a minute."""


def create_app() -> "ASGIApp":
    """Make Prefect's application, closed to other hosts and origins (called by uvicorn in the server's process)."""
    from prefect.server.api.server import create_app as prefect_app
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    # Around the application, not in it: its own services ask it in this process, under a host name of their own.
    return TrustedHostMiddleware(OwnPages(prefect_app(final=True)), allowed_hosts=list(HOSTS), www_redirect=False)


class OwnPages:
    """Middleware that refuses what a browser sends for another site's page, web sockets included, and what Prefect leaves open.

    A browser names the page's site in `Origin`; it must be the `Host` that was asked, whatever port a tunnel gave it.
    """

    def __init__(self, app: "ASGIApp") -> None:
        self._app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Pass a request on, or answer 401, 403 or 404."""
        refused = _refusal(scope) if scope["type"] in ("http", "websocket") else None
        await (refused or self._app)(scope, receive, send)


def _refusal(scope: "Scope") -> "Response | None":
    from starlette.datastructures import Headers
    from starlette.responses import PlainTextResponse

    headers = Headers(scope=scope)
    if any(origin != f"http://{headers.get('host')}" for origin in headers.getlist("origin")):
        return PlainTextResponse("this server answers its own pages only", status_code=403)
    if scope["path"].rstrip("/") in CLOSED:
        return PlainTextResponse("not found", status_code=404)
    if not _login_of(headers.get("authorization", "")).isascii():  # Prefect compares text, which breaks on others
        return PlainTextResponse("wrong login", status_code=401)
    return None


def _login_of(authorization: str) -> bytes:
    try:
        return base64.b64decode(authorization.split()[-1])
    except (IndexError, ValueError):
        return b""


def login_file(workspace: Workspace) -> Path:
    """Return the file with the login of the workspace's server, readable by its owner alone."""
    return workspace.root / "prefect" / "login"


def new_login(workspace: Workspace) -> str:
    """Make the login of a server that is about to start, `user:password`, and keep it for its clients, mode 0600."""
    login = f"nightschool:{secrets.token_urlsafe(32)}"
    workspace.folder("prefect")
    write_text(login_file(workspace), login + "\n", mode=0o600)
    return login


def read_login(workspace: Workspace) -> str | None:
    """Return the login of the workspace's server, None when there is none."""
    try:
        return login_file(workspace).read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def server_environment(workspace: Workspace, port: int, login: str) -> dict[str, str]:
    """Return what a server and its clients are told about each other."""
    return {
        "PREFECT_HOME": str(workspace.folder("prefect")),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_API_AUTH_STRING": login,
        "PREFECT_SERVER_API_AUTH_STRING": login,
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": f"http://127.0.0.1:{port}",  # its own pages; the default is everybody's
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",  # a client that lost its way must not start a server without a login
    }


def server_command(port: int, log_level: str = "info") -> list[str]:
    """Return the command line of a server; the rest is in its environment."""
    uvicorn = [sys.executable, "-m", "uvicorn", "--factory", FACTORY, "--lifespan", "on"]
    return [*uvicorn, "--host", "127.0.0.1", "--port", str(port), "--log-level", log_level]


def await_server(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until a server answers.

    Raises:
        OrchestratorError: It ended, or does not answer in time.
    """
    deadline = time.monotonic() + START_S
    while not _healthy(url):
        if process.poll() is not None or time.monotonic() > deadline:
            raise OrchestratorError(f"the Prefect server did not start; see {log}")
        time.sleep(0.2)


def prefect_client(url: str, login: str | None = None) -> "SyncPrefectClient":
    """Make a client of a server, ours or one of the user's own, with a login, or the credentials that the environment names."""
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_KEY

    login = login or os.environ.get("PREFECT_API_AUTH_STRING") or PREFECT_API_AUTH_STRING.value()
    key = os.environ.get("PREFECT_API_KEY") or PREFECT_API_KEY.value()
    return SyncPrefectClient(url, auth_string=login or None, api_key=key or None)


def _healthy(url: str) -> bool:
    try:
        with urlopen(f"{url}/health", timeout=2):  # noqa: S310 - our own server on 127.0.0.1
            return True
    except (URLError, OSError):
        return False
