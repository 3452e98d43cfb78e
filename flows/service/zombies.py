"""What a kill leaves behind, cleaned up at the next start, with a line for each.

`kill -9` of a run leaves it RUNNING in Prefect, with the only slot of its deployment, so that no further night begins; it
leaves the model server that the run had started on the GPU, and its leases until they expire. Prefect frees a slot itself once
its run is closed. Processes are known by pid and start time; nothing that lives is touched.
"""

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from flows.service.prefect_server import prefect_client
from flows.service.runs import EMBEDDED, api_url, forget, records
from storage.catalog.catalog import catalog_of
from storage.catalog.leases import acquire, list_leases
from storage.errors import LeaseError, ModelServerError
from storage.workspace import Workspace
from synth.engines.vllm_server import end_orphan

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

STUCK_S = 600.0
"""How long a run without a known process may be RUNNING or PENDING before it counts as dead, where others may start runs."""


def end_model_servers(workspace: Workspace) -> list[str]:
    """End model servers whose owner is gone."""
    lines = []
    for record in sorted((workspace.root / "servers").glob("*/vllm.json")):
        try:
            if end_orphan(record):
                lines.append(f"ended a vLLM server that a killed run left behind ({record.parent.name})")
        except ModelServerError:  # its owner is at work
            continue
    return lines


def drop_leases(workspace: Workspace) -> list[str]:
    """Give back the leases of holders that are dead or have stopped renewing."""
    catalog = catalog_of(workspace)
    if not catalog.exists():
        return []
    lines = []
    for holder in list_leases(catalog):
        if holder.alive:
            continue
        try:
            acquire(catalog, holder.name, purpose="cleaning up").release()
        except LeaseError:  # somebody was quicker
            continue
        lines.append(f"dropped the lease {holder.name} of process {holder.pid} ({holder.purpose}), which is gone")
    return lines


def close_runs(workspace: Workspace, *, stuck_s: float = STUCK_S) -> list[str]:
    """Close the runs that Prefect believes to be at work although their process is gone, and free their slots.

    Args:
        workspace: The workspace; its records say which process a run is.
        stuck_s: How long a run without a record must have been in its state. A server of one's own may have runs of
            other workspaces: there only recorded runs are closed.
    """
    lines, alive = [], set()
    address = os.environ.get("PREFECT_API_URL")
    if address is None:  # flows called as plain functions: no server believes anything
        return []
    with prefect_client(address) as client:
        for record in records(workspace):
            if not record.dead:
                alive.add(record.flow_run)
            elif record.api == api_url():
                lines += _close(client, record.flow_run, record.what)
                forget(workspace, record)
        if _is_private(workspace):
            lines += _close_stuck(client, alive, datetime.now(UTC) - timedelta(seconds=stuck_s))
    return lines


def _is_private(workspace: Workspace) -> bool:
    """Whether the server serves this workspace alone: the embedded one, and that of `nightschool up`."""
    from flows.service.record import running_service

    service = running_service(workspace)
    return api_url() == (service.url if service else EMBEDDED)


def _close(client: "SyncPrefectClient", flow_run: str, what: str) -> list[str]:
    from uuid import UUID

    from prefect.exceptions import ObjectNotFound
    from prefect.states import Crashed

    try:
        run = client.read_flow_run(UUID(flow_run))
    except ObjectNotFound:
        return []
    if run.state is not None and run.state.is_final():
        return []
    before = run.state.name if run.state else "without a state"
    client.set_flow_run_state(run.id, Crashed(message="its process is gone; closed at the next start"), force=True)
    return [f"closed the run {run.name} ({what}), left {before} by a kill"]


def _close_stuck(client: "SyncPrefectClient", alive: set[str], before: datetime) -> list[str]:
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
    from prefect.client.schemas.objects import StateType

    lines = []
    types = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
    at_work = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=types)))
    for run in client.read_flow_runs(flow_run_filter=at_work):
        if str(run.id) not in alive and run.state is not None and run.state.timestamp <= before:
            lines += _close(client, str(run.id), "no process")
    return lines
