"""Hold a server for as long as the suite runs: `python -m tests.holder WATCHED COMMAND...`.

The process that began the suite is watched (pid and start time, as JSON), not the worker that asked first: another
worker may still need the server when that one is through. However the suite ends, the server's group ends with it.
"""

import json
import signal
import subprocess
import sys
import time
from types import FrameType

from synth.engines.processes import end_group, is_alive

PATIENCE_S = 10.0
ended = False


def end(signum: int, frame: FrameType | None) -> None:
    global ended
    ended = True


if __name__ == "__main__":
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, end)
    watched = json.loads(sys.argv[1])
    server = subprocess.Popen(sys.argv[2:], start_new_session=True)
    while not ended and server.poll() is None and is_alive(watched):
        time.sleep(0.2)
    end_group(server.pid, PATIENCE_S, server)
