"""Processes that `nightschool up` started, and their children: they carry the workspace in their environment.

So all of them are found, also those whose parent was killed, and no stranger is touched.
"""

import contextlib
import os

import psutil

from storage.workspace import Workspace

MARK = "NIGHTSCHOOL_SERVICE"
"""Environment variable with the folder of the workspace."""
PATIENCE_S = 20.0
"""How long runs may take to end themselves before they are killed."""


def service_processes(workspace: Workspace) -> list[psutil.Process]:
    """Return the living processes of a workspace's service, without this one."""
    processes = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            ours = process.environ().get(MARK) == str(workspace.root)
            if ours and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                processes.append(process)
    return processes


def end_service_processes(workspace: Workspace, *, but: int | None = None) -> int:
    """Ask every process of a workspace's service to stop, kill those that have not in time.

    Args:
        workspace: The workspace.
        but: A process that is spared, with its children.

    Returns:
        How many there were.
    """
    spared = _family(but)
    count = 0
    for patience_s in (PATIENCE_S, 0.0):
        processes = [process for process in service_processes(workspace) if process.pid not in spared]
        count = count or len(processes)
        for process in processes:
            with contextlib.suppress(psutil.Error):
                process.terminate() if patience_s else process.kill()
        psutil.wait_procs(processes, timeout=patience_s or 10.0)
    return count


def _family(pid: int | None) -> set[int]:
    if pid is None:
        return set()
    try:
        return {pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))}
    except psutil.Error:
        return {pid}
