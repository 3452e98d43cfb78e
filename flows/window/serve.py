"""Starts the window, and writes down where it is: its address for links, its first address (with the token) for its owner alone."""

import getpass
import json
import os
import socket
from collections.abc import Callable
from dataclasses import asdict

import psutil

from flows.report.window import Opened, window_record
from flows.window.app import create_app
from flows.window.guard import new_token
from flows.window.shelf import Shelf
from storage.atomic import write_text
from storage.errors import OrchestratorError
from storage.workspace import Workspace
from synth.engines.processes import identity_of


def reviewer_name(given: str | None) -> str:
    """Return who reviews: the name given, $NIGHTSCHOOL_REVIEWER, or the account's."""
    try:
        name = given or os.environ.get("NIGHTSCHOOL_REVIEWER") or getpass.getuser()
    except (OSError, KeyError):  # an account without a name, as containers have
        name = "reviewer"
    return " ".join(name.split())[:60] or "reviewer"


def serve(workspace: Workspace, port: int, reviewer: str, ready: Callable[[Opened], None]) -> None:
    """Serve the window on 127.0.0.1 until it is interrupted.

    Args:
        workspace: What it shows.
        port: Where it listens; 0 takes a free one.
        reviewer: Who reviews in it.
        ready: Told the address once it answers.

    Raises:
        OrchestratorError: The port is taken.
        WorkspaceError: The workspace has no lake yet.
    """
    import uvicorn

    listening = _listen(port)
    port = listening.getsockname()[1]
    window = Opened(f"http://127.0.0.1:{port}", new_token(), identity_of(psutil.Process()))
    with listening, Shelf(workspace, reviewer) as shelf:
        config = uvicorn.Config(
            create_app(shelf, window.token, port),
            log_level="error",
            access_log=False,
            lifespan="off",
            server_header=False,
        )
        workspace.folder("prefect")
        write_text(window_record(workspace), json.dumps(asdict(window)) + "\n", mode=0o600)
        listening.listen()  # from here on a browser may connect; it is answered as soon as the server is up
        ready(window)
        try:
            uvicorn.Server(config).run(sockets=[listening])
        finally:
            window_record(workspace).unlink(missing_ok=True)


def _listen(port: int) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError as error:
        listening.close()
        raise OrchestratorError(
            f"port {port} cannot be used ({error.strerror}); choose one with --port, 0 takes a free one"
        ) from None
    return listening
