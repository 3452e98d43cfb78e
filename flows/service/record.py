"""What `nightschool up` writes down about itself, so that others find it: its address, its processes."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from flows.service.prefect_server import login_file
from storage.atomic import write_text
from storage.workspace import Workspace
from synth.engines.processes import is_alive


@dataclass(frozen=True, slots=True)
class Running:
    """A service at work, as its record says.

    Attributes:
        url: Address of the Prefect API.
        process: `nightschool up` itself, by pid and start time.
        parts: Its server and workers, likewise.
    """

    url: str
    process: dict[str, Any]
    parts: dict[str, dict[str, Any]] = field(default_factory=dict)


def running_service(workspace: Workspace) -> Running | None:
    """Return the service that runs for a workspace, None when there is none."""
    try:
        record = Running(**json.loads(_record(workspace).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return record if is_alive(record.process) else None


def status(workspace: Workspace) -> dict[str, Any]:
    """Return whether a service runs, its address and its parts."""
    record = running_service(workspace)
    if record is None:
        return {"running": False, "workspace": str(workspace.root)}
    parts = {name: {"pid": part["pid"], "alive": is_alive(part)} for name, part in record.parts.items()}
    ui = record.url.removesuffix("/api")
    return {
        "running": True,
        "workspace": str(workspace.root),
        "url": record.url,
        "ui": ui,
        "login_file": str(login_file(workspace)),
        "pid": record.process["pid"],
        "parts": parts,
    }


def write_record(workspace: Workspace, record: Running) -> None:
    """Write down what runs, all or nothing."""
    write_text(_record(workspace), json.dumps(asdict(record)) + "\n")


def remove_record(workspace: Workspace) -> None:
    """Note that nothing runs any more."""
    _record(workspace).unlink(missing_ok=True)


def _record(workspace: Workspace) -> Path:
    return workspace.folder("prefect") / "service.json"
