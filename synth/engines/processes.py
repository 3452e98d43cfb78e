"""Processes by pid and start time, and whole process groups: what can be ended without touching a stranger."""

import contextlib
import os
import signal
import subprocess
import time
from typing import Any

import psutil

SAME_START_S = 1.0
"""Two start times of one process differ by rounding only; a pid is not given out twice within a second."""


def identity_of(process: psutil.Process) -> dict[str, float]:
    """Pid and start time."""
    return {"pid": process.pid, "start": process.create_time()}


def is_alive(identity: Any) -> bool:
    """Whether the very process that `identity_of` described lives."""
    try:
        process = psutil.Process(identity["pid"])
        same: bool = abs(process.create_time() - identity["start"]) < SAME_START_S
        return same and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, KeyError, TypeError, ValueError):
        return False


def group_of(pid: int) -> int | None:
    """The process group of a process, None when it is gone."""
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None


def members_of(group: int) -> list[psutil.Process]:
    """The living processes of a group; zombies wait for their parent and hold nothing."""
    processes = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if group_of(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                processes.append(process)
    return processes


def end_group(group: int, patience_s: float, leader: subprocess.Popen[bytes] | None = None) -> None:
    """Ask a whole group to stop, kill what has not after `patience_s`, and return when it is empty."""
    for signum, limit_s in ((signal.SIGTERM, patience_s), (signal.SIGKILL, 10.0)):
        if not members_of(group):
            break
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signum)
        deadline = time.monotonic() + limit_s
        while members_of(group) and time.monotonic() < deadline:
            if leader is not None:
                leader.poll()
            time.sleep(0.05)
    if leader is not None:
        leader.wait()
