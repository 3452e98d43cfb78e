"""Prefect: `nightschool up` with its parts and what kills have left of it, and the server with its pools and workers."""

import os
from collections.abc import Iterator
from pathlib import Path

from flows.doctor.finding import Finding, fail, ok, warn
from flows.service.prefect_server import read_login
from flows.service.processes import service_processes
from flows.service.record import Running, running_service
from flows.service.runs import records
from storage.workspace import Workspace
from synth.engines.http_json import NO_ANSWER, ask, bare, basic, denied, reason
from synth.engines.processes import is_alive

_UP = "nightschool up"


def check_prefect(root: Path) -> Iterator[Finding]:
    """Look at `nightschool up` for a workspace, and at the server that its runs use."""
    if not root.exists():
        yield from check_server()
        return
    workspace = Workspace.open(root)
    service = running_service(workspace) if (root / "prefect").is_dir() else None
    yield from check_service(workspace, service)
    yield from check_server(service.url, read_login(workspace)) if service else check_server()


def check_service(workspace: Workspace, service: Running | None) -> Iterator[Finding]:
    """Look at the service of a workspace, and for processes and runs that outlived the process that started them."""
    if service is not None:
        dead = [name for name, part in service.parts.items() if not is_alive(part)]
        state = f"process {service.process['pid']}, {service.url.removesuffix('/api')}"
        log = workspace.root / "prefect" / "logs"
        if dead:
            yield warn(_UP, f"{state}; not alive: {', '.join(dead)}", f"it starts them again; see {log}")
        else:
            yield ok(_UP, f"{state}, {', '.join(service.parts)}")
    elif left := service_processes(workspace):
        pids = ", ".join(str(process.pid) for process in left[:5])
        state = f"nightschool up was killed; {len(left)} of its processes live on ({pids})"
        yield warn(_UP, state, "`nightschool up` cleans up at its start")
    else:
        yield ok(_UP, "does not run for this workspace")
    for record in records(workspace):
        if record.dead:
            state = f"the process of {record.what} is gone, Prefect may not know it yet"
            yield warn("zombie", state, "the next `nightschool run` or `up`, or the sweep of one that runs, closes it")


def check_server(service: str | None = None, login: str | None = None) -> Iterator[Finding]:
    """Look at the server that PREFECT_API_URL names, and at who works for it.

    Args:
        service: Address of the server of a `nightschool up`, which is used when the variable is not set.
        login: That server's login, `user:password`.
    """
    address = os.environ.get("PREFECT_API_URL") or service
    if not address:
        yield ok("Prefect", "embedded in each run (PREFECT_API_URL is not set)")
        return
    key = basic(login) if login and address == service else _key()
    api = address.rstrip("/")
    try:
        version = ask(f"{api}/admin/version", key)
        pools = ask(f"{api}/work_pools/filter", key, {"limit": 50})
    except NO_ANSWER as error:
        if denied(error):
            remedy = "set PREFECT_API_AUTH_STRING=user:password (or PREFECT_API_KEY) to what the server takes"
            yield fail("Prefect", f"{bare(address)} answers, and refuses the login: {reason(error)}", remedy)
            return
        remedy = "start it, or unset PREFECT_API_URL to use the embedded one"
        yield fail("Prefect", f"{bare(address)} does not answer: {reason(error)}", remedy)
        return
    yield ok("Prefect", f"{bare(address)}, version {version}")
    if not pools:
        remedy = "prefect work-pool create --type process cpu"
        yield warn("work pools", "there is none, so nothing runs on a schedule", remedy)
    for name, paused in ((pool["name"], pool.get("is_paused")) for pool in pools):
        workers = ask(f"{api}/work_pools/{name}/workers/filter", key, {"limit": 200})
        online = [worker for worker in workers if worker.get("status") == "ONLINE"]
        if paused:
            yield warn("worker", f"pool {name} is paused", f"prefect work-pool resume {name}")
        elif online:
            yield ok("worker", f"pool {name}: {len(online)} online")
        else:
            yield warn("worker", f"pool {name} has no worker online", f"prefect worker start --pool {name}")


def _key() -> str | None:
    if key := os.environ.get("PREFECT_API_KEY"):
        return f"Bearer {key}"
    login = os.environ.get("PREFECT_API_AUTH_STRING")
    return basic(login) if login else None
