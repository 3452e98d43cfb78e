"""A writer to be killed: `python -m tests.storage.lake_writer WORKSPACE NAME FIRST LAST` prints each commit it was told is made."""

import sys
from pathlib import Path

from storage.lake.lake import Lake, table_of
from storage.workspace import Workspace

ROWS = {"promotions": 40, "runs": 5}
"""Rows per commit: those of `promotions` become a Parquet file, those of `runs` stay in the catalogue."""


def main() -> None:
    root, name, first, last = sys.argv[1:]
    with Lake(Workspace.open(Path(root))) as lake:
        print("ready", flush=True)
        for number in range(int(first), int(last)):
            key = f"{name}:{number}"
            tables = {
                "promotions": table_of("promotions", [{"candidate": key, "reason": "r" * 50}] * ROWS["promotions"]),
                "runs": table_of("runs", [{"run_id": key, "event": "pinned"}] * ROWS["runs"]),
            }
            lake.commit(key, "test", tables)
            print(number, flush=True)


if __name__ == "__main__":
    main()
