"""How Prefect is run: embedded by default, quiet, private, with all its files in the workspace.

A server of your own is used when `PREFECT_API_URL` names one. Call `configure` before anything imports Prefect.
"""

import contextlib
import os

import psutil

from flows.service_record import running_service
from flows.zombies import drop_leases, end_model_servers
from storage.workspace import Workspace

_FACTORY = "prefect.server.api.server:create_app"
_SETTINGS = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
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
    if service is not None:
        os.environ.setdefault("PREFECT_API_URL", service.url)
    lines = []
    if "PREFECT_API_URL" not in os.environ:
        os.environ.setdefault("PREFECT_HOME", str(workspace.folder("prefect")))
        os.environ.setdefault("PREFECT_SERVER_ALLOW_EPHEMERAL_MODE", "true")
        lines = [
            f"ended the Prefect server (process {pid}) that a killed run left behind"
            for pid in end_orphans(os.environ["PREFECT_HOME"])
        ]
    return [*lines, *end_model_servers(workspace), *drop_leases(workspace)]


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
        if _FACTORY not in (process.info["cmdline"] or []) or _parent_lives(process):
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
