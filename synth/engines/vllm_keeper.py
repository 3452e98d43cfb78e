"""Tie a model server to the process that asked for it.

Run as a program between the two: `python vllm_keeper.py PARENT_PID COMMAND...`. It starts the command inside its own
process group and ends that whole group when the command ends, or when the parent is gone, however it went.

A keeper instead of a death signal set by the parent: such a signal fires when the *thread* that started the child
ends, and it reaches only the child, never the workers the child has started. The keeper has one thread, so for the
step from it to the server the signal is right, and covers a keeper that is killed.

Standard library only and never imported by the rest: it must start in a moment and hold next to no memory.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from types import FrameType

POLL_S = 0.5
PATIENCE_S = 10.0
PR_SET_PDEATHSIG = 1


def _die_with_the_keeper() -> None:
    """In the child, before it becomes the server: be told to stop when the keeper dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _stay(signum: int, frame: FrameType | None) -> None:
    """A signal to the group is for the server; the keeper leaves after it (an ignored signal would be inherited)."""


def keep(parent: int, command: list[str]) -> None:
    """Run the command until it ends or the parent is gone, then end the group, this process included.

    Args:
        parent: Process id of whoever asked for the server; it must be the one that started this process.
        command: The server's command line.
    """
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, _stay)
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=_die_with_the_keeper)  # noqa: S603
    status: int | None = None
    while status is None and os.getppid() == parent:
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = server.wait(POLL_S)
    if status is None:
        print("keeper: the process that asked for this server is gone; stopping", flush=True)  # noqa: T201
        os.killpg(0, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(PATIENCE_S)
    else:
        print(f"keeper: the server ended with status {status}", flush=True)  # noqa: T201
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    keep(int(sys.argv[1]), sys.argv[2:])
