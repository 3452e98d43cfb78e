"""Where the window of a workspace is (`nightschool ui`), for whoever links to it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.workspace import Workspace
from synth.engines.processes import is_alive

PORT = 4210
"""Where the window listens unless it is told otherwise, so that links to it stay right."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A window that runs.

    Attributes:
        url: Its address, without the token.
        token: The token of its first address.
        process: Its process, by pid and start time.
    """

    url: str
    token: str
    process: dict[str, Any]

    @property
    def first(self) -> str:
        """The address that lets a browser in."""
        return f"{self.url}/?token={self.token}"


def window_record(workspace: Workspace) -> Path:
    """Return the file that says where the window is, readable by its owner alone."""
    return workspace.root / "prefect" / "window.json"


def opened_window(workspace: Workspace) -> Opened | None:
    """Return the window that runs for a workspace; None where there is none, or it is somebody else's."""
    try:
        window = Opened(**json.loads(window_record(workspace).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return window if is_alive(window.process) else None


def window_url(workspace: Workspace) -> str:
    """Return the address of the window, of the one that runs or of the next one."""
    window = opened_window(workspace)
    return window.url if window else f"http://127.0.0.1:{PORT}"
