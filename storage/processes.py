"""Which process is which: by pid and start time, where both run under the same kernel and pid namespace."""

import socket
from pathlib import Path

import psutil


def started(pid: int) -> str | None:
    """Return when a process started, as text that never changes while it lives; None when there is none, or a zombie."""
    if Path("/proc/self/stat").exists():
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in "ZX" else fields[19]  # state; clock ticks from boot to start
    try:
        return f"{psutil.Process(pid).create_time():.0f}"
    except psutil.Error:
        return None


def pid_space() -> str:
    """Name where pids mean the same process: a machine since its start, and a pid namespace of it."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip() + str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return socket.gethostname()


def boot_of(space: str) -> str | None:
    """Return the part of a `pid_space` that is the machine since its start, whichever pid namespace; None where it has none."""
    boot, parted, _ = space.partition("pid:")
    return boot if parted else None
