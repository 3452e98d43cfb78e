"""Maintenance to be killed: `python -m tests.storage.maintainer WORKSPACE` merges and says so table by table."""

import sys
from pathlib import Path

from storage.lake.lake import Lake
from storage.lake.maintenance import compact_lake
from storage.workspace import Workspace


def main() -> None:
    with Lake(Workspace.open(Path(sys.argv[1]))) as lake:
        compact_lake(lake, say=lambda message: print(message, flush=True))
        print("done", flush=True)


if __name__ == "__main__":
    main()
