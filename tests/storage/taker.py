"""A takedown that kills itself: `python -m tests.storage.taker WORKSPACE STEP` begins one of the secret, or goes on, says its
steps, and dies by -9 at some moment of STEP, or right after it.
"""

import os
import random
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from storage.lake.lake import Lake
from storage.takedown.carry_out import resume, take_down, unfinished
from storage.takedown.plan import plan_takedown
from storage.workspace import Workspace


def main() -> None:
    with Lake(Workspace.open(Path(sys.argv[1]))) as lake:
        commit = lake.commit

        def commit_unless_it_is_the_end(key: str, *more: Any, **named: Any) -> Any:
            """Never get past the last commit: the kill is on its way."""
            if key.endswith(":done"):
                threading.Event().wait()
            return commit(key, *more, **named)

        lake.commit = commit_unless_it_is_the_end  # type: ignore[method-assign]
        if unfinished(lake):
            resume(lake, say=_say)
        else:
            plan = plan_takedown(lake, because="asked", problems=["ps1", "ps2"])
            take_down(lake, plan.takedown, say=_say)


def _say(message: str) -> None:
    print(message, flush=True)
    if message.startswith(sys.argv[2]):
        threading.Timer(random.uniform(0, 0.1), os.kill, (os.getpid(), signal.SIGKILL)).start()


if __name__ == "__main__":
    main()
