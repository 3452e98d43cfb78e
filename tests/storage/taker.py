"""A takedown to be killed: `python -m tests.storage.taker WORKSPACE` begins one of the secret, or goes on, and says its steps."""

import sys
from pathlib import Path

from storage.lake.lake import Lake
from storage.takedown.carry_out import resume, take_down, unfinished
from storage.takedown.plan import plan_takedown
from storage.workspace import Workspace


def main() -> None:
    with Lake(Workspace.open(Path(sys.argv[1]))) as lake:
        if unfinished(lake):
            resume(lake, say=_say)
        else:
            plan = plan_takedown(lake, because="asked", problems=["ps1", "ps2"])
            take_down(lake, plan.takedown, say=_say)
        _say("done")


def _say(words: str) -> None:
    print(words, flush=True)


if __name__ == "__main__":
    main()
