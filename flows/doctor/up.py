"""What the doctor says of `nightschool up`: whether it runs, its parts, and what kills have left behind. Changes nothing."""

from collections.abc import Iterator

from flows.doctor.services import Found
from flows.service.processes import marked
from flows.service.record import Running, running_service
from flows.service.runs import records
from storage.workspace import Workspace
from synth.engines.processes import is_alive

START = "`nightschool up` cleans up at its start"


def up_lines(workspace: Workspace, service: Running | None) -> Iterator[Found]:
    """Look at the service of a workspace, and for processes and runs that outlived whoever answered for them."""
    if service is None:
        left = marked(workspace)
        if left:
            pids = ", ".join(str(process.pid) for process in left[:5])
            said = f"nightschool up was killed; {len(left)} of its processes live on ({pids})"
            yield "nightschool up", "warn", said, START
        else:
            yield "nightschool up", "ok", "does not run for this workspace"
    else:
        dead = [name for name, part in service.parts.items() if not is_alive(part)]
        said = f"process {service.process['pid']}, {service.url.removesuffix('/api')}"
        if dead:
            log = workspace.root / "prefect" / "logs"
            yield "nightschool up", "warn", f"{said}; not alive: {', '.join(dead)}", f"it starts them again; see {log}"
        else:
            yield "nightschool up", "ok", f"{said}, {', '.join(service.parts)}"
    for record in records(workspace):
        if record.dead:
            said = f"the process of {record.what} is gone, Prefect may not know it yet"
            yield "zombie", "warn", said, "the next `nightschool run` or `up`, or the sweep of one that runs, closes it"


def service_of(workspace: Workspace | None) -> Running | None:
    """Return the service that runs for a workspace, if there is one."""
    return running_service(workspace) if workspace is not None and (workspace.root / "prefect").is_dir() else None
