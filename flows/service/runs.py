"""Which process is which flow run: a record per run in the workspace, so that what a kill leaves behind can be told apart.

runs/<flow run id>.json    written when the flow's code begins, removed when it ends, however it ends (but by a kill)
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil

from storage.atomic import write_text
from storage.errors import WorkspaceError
from storage.processes import pid_space
from storage.workspace import Workspace
from synth.engines.processes import identity_of, is_alive

EMBEDDED = "embedded"
OWN_SERVER = "NIGHTSCHOOL_EMBEDDED"
"""Environment variable that says: `PREFECT_API_URL` is the server of this process alone, whatever port it has."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A flow run and its process.

    Attributes:
        flow_run: Prefect's id of the run.
        what: What it is, for people: `nightly 2026-11-23`.
        api: The Prefect server that it reports to, or `embedded`.
        pid_space: Where its process id means something.
        process: Process id and start time.
    """

    flow_run: str
    what: str
    api: str
    pid_space: str
    process: dict[str, Any]

    @property
    def dead(self) -> bool:
        """Whether its process is known to be gone."""
        return self.pid_space == pid_space() and not is_alive(self.process)


def api_url() -> str:
    """Name the Prefect server that this process reports to."""
    return EMBEDDED if OWN_SERVER in os.environ else os.environ.get("PREFECT_API_URL", EMBEDDED)


@contextmanager
def recorded(workspace: Workspace, what: str, night: str) -> Iterator[None]:
    """Keep the record of the flow run that this code runs in, and name the run so that people find it.

    Args:
        workspace: The workspace.
        what: The flow and its logical date, `train 2026-11-23`.
        night: The night, `date/recipe`.

    Raises:
        WorkspaceError: It cannot be written (disk full, say).
    """
    from prefect.runtime import flow_run

    identity = flow_run.id
    if identity is None:  # called as a plain function
        yield
        return
    _name(UUID(str(identity)), what, night)
    record = RunRecord(str(identity), what, api_url(), pid_space(), identity_of(psutil.Process()))
    file = _folder(workspace) / f"{identity}.json"
    try:
        write_text(file, json.dumps(asdict(record)) + "\n")
    except OSError as error:
        raise WorkspaceError(
            f"{file} cannot be written: {error}. Free some space and run the same command again"
        ) from error
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def _name(identity: UUID, what: str, night: str) -> None:
    """Call a flow run by its night, and give it tags to filter by: the date and the recipe."""
    from prefect.client.orchestration import get_client
    from prefect.runtime import flow_run

    flow, (date, _, recipe) = what.partition(" ")[0], night.partition("/")
    name = night if flow == "nightly" else f"{night} {flow}"
    tags = sorted({*flow_run.tags, "nightschool", date, recipe})
    with (
        suppress(Exception),
        get_client(sync_client=True) as client,
    ):  # a name is for people: without it the night is the same
        client.update_flow_run(identity, name=name, tags=tags)


def records(workspace: Workspace) -> list[RunRecord]:
    """Return every record; one that cannot be read names no process, so it is left out."""
    readable = []
    for file in sorted((workspace.root / "runs").glob("*.json")):
        with suppress(OSError, ValueError, TypeError):
            readable.append(RunRecord(**json.loads(file.read_text(encoding="utf-8"))))
    return readable


def forget(workspace: Workspace, record: RunRecord) -> None:
    """Remove a record."""
    (_folder(workspace) / f"{record.flow_run}.json").unlink(missing_ok=True)


def _folder(workspace: Workspace) -> Path:
    return workspace.folder("runs")
