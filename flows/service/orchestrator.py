"""How Prefect is run: embedded by default, quiet, private, with all its files in the workspace.

A server of your own is used when `PREFECT_API_URL` names one. Call `configure` before anything imports Prefect.
"""

import contextlib
import os
import subprocess
from collections.abc import Iterator

import psutil

from flows.service.prefect_server import (
    FACTORY,
    await_server,
    new_login,
    read_login,
    server_command,
    server_environment,
)
from flows.service.record import running_service
from flows.service.runs import OWN_SERVER
from flows.service.zombies import drop_leases, end_model_servers
from storage.ports import free_port
from storage.workspace import Workspace

_SETTINGS = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_SERVER_LEVEL": "ERROR",
    "PREFECT_LOGGING_ROOT_LEVEL": "ERROR",  # else a busy server makes its client warn on the way out
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
}


def configure(workspace: Workspace) -> list[str]:
    """Set Prefect's environment for this process (what the user has set stays), and clean up after killed runs.

    The server of a `nightschool up` for this workspace is used: a second one on its database would be a mistake.

    Returns:
        A line for each thing that was cleaned up.
    """
    settle()
    service = running_service(workspace)
    if service is not None and os.environ.setdefault("PREFECT_API_URL", service.url) == service.url:
        login = read_login(workspace)
        if login is not None:
            os.environ["PREFECT_API_AUTH_STRING"] = login
    lines = []
    if "PREFECT_API_URL" not in os.environ:
        os.environ.setdefault("PREFECT_HOME", str(workspace.folder("prefect")))
        lines = [
            f"ended the Prefect server (process {pid}) that a killed run left behind"
            for pid in end_orphans(os.environ["PREFECT_HOME"])
        ]
    return [*lines, *end_model_servers(workspace), *drop_leases(workspace)]


@contextlib.contextmanager
def embedded_server(workspace: Workspace) -> Iterator[None]:
    """Run a Prefect server for this process while it is at work, unless `PREFECT_API_URL` names one.

    It is not in the terminal's process group: Ctrl-C reaches this process alone, which then ends it.

    Raises:
        OrchestratorError: It does not start.
    """
    if "PREFECT_API_URL" in os.environ:
        yield
        return
    port = free_port()
    ours = {**server_environment(workspace, port, new_login(workspace)), OWN_SERVER: "1"}
    ours["PREFECT_HOME"] = os.environ.get("PREFECT_HOME", ours["PREFECT_HOME"])
    log = workspace.folder("prefect", "logs") / "embedded.log"
    with log.open("ab") as output:
        server = subprocess.Popen(  # noqa: S603
            server_command(port, "error"),
            env={**os.environ, **ours, "PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1"},
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    before = {name: os.environ.get(name) for name in ours}
    patience_s = 10.0
    try:
        await_server(ours["PREFECT_API_URL"], server, log)
        os.environ.update(ours)
        yield
    except (
        KeyboardInterrupt
    ):  # whoever pressed Ctrl-C waits for nothing; what the server lacks is closed at the next start
        patience_s = 1.0
        raise
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})
        server.terminate()
        try:
            server.wait(timeout=patience_s)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def settle() -> None:
    """Set what holds for every Prefect of ours, unless the user has: quiet, private, patient."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)


def end_orphans(home: str) -> list[int]:
    """End embedded servers that a killed run left behind: same PREFECT_HOME, started by us, parent gone.

    Returns:
        Their process ids.
    """
    ended = []
    for process in psutil.process_iter(["cmdline", "ppid"]):
        if FACTORY not in (process.info["cmdline"] or []) or _parent_lives(process):
            continue
        with contextlib.suppress(psutil.Error):
            environment = process.environ()
            if environment.get("PREFECT_HOME") == home and environment.get("PREFECT__SERVER_EPHEMERAL") == "1":
                process.terminate()
                psutil.wait_procs([process], timeout=10)
                if process.is_running():
                    process.kill()
                ended.append(process.pid)
    return ended


def _parent_lives(process: psutil.Process) -> bool:
    """An orphan is adopted by init (or by a session's reaper, which is no Python)."""
    try:
        parent = process.parent()
        return parent is not None and parent.pid != 1 and "python" in parent.name().lower()
    except psutil.Error:
        return True
