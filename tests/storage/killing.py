"""Kills writers at random moments and looks at what is in the lake afterwards; for the tests and for `make stress`."""

import random
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

from storage.lake.lake import Lake
from storage.workspace import Workspace
from tests.storage.lake_writer import ROWS

WHOLE = """
select c.key, c.rows, coalesce(p.n, 0) as promotions, coalesce(r.n, 0) as runs from commits c
left join (select commit_id, count(*) as n from promotions group by all) p using (commit_id)
left join (select commit_id, count(*) as n from runs group by all) r using (commit_id)
"""


@dataclass
class Tally:
    """What was seen over many kills."""

    kills: int = 0
    acknowledged: int = 0
    lost: int = 0
    partial: int = 0
    unacknowledged_commits: int = 0
    committed_twice: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def start(workspace: Workspace, name: str, first: int, last: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.storage.lake_writer", str(workspace.root), name, str(first), str(last)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def look(lake: Lake) -> tuple[dict[str, int], int]:
    """How often each key was committed, and how many commits are not whole; from one snapshot."""
    keys: dict[str, int] = {}
    partial = 0
    for row in lake.rows(WHOLE):
        keys[row["key"]] = keys.get(row["key"], 0) + 1
        partial += (row["rows"], row["promotions"], row["runs"]) != (
            sum(ROWS.values()),
            ROWS["promotions"],
            ROWS["runs"],
        )
    return keys, partial


def kill_writers(workspace: Workspace, kills: int, dice: random.Random) -> Tally:
    """Start a writer, kill it with -9 within its first commits, look, and start the next where it was acknowledged."""
    tally, done = Tally(), 0
    Lake(workspace).close()
    with Lake(workspace, read_only=True) as reader:
        for _ in range(kills):
            writer = start(workspace, "w", done, done + 10_000)
            assert writer.stdout is not None and writer.stdout.readline() == "ready\n"
            time.sleep(dice.uniform(0, 0.6))
            writer.kill()
            acknowledged = [int(line) for line in writer.stdout.read().splitlines()]
            writer.wait()
            done = acknowledged[-1] + 1 if acknowledged else done
            tally.kills += 1
            keys, partial = look(reader)
            tally.partial += partial
            tally.lost += sum(f"w:{number}" not in keys for number in range(done))
            tally.unacknowledged_commits += len(keys) > done
    last = start(workspace, "w", done, done + 2)
    assert last.wait(300) == 0
    tally.acknowledged = done + 2
    with Lake(workspace, read_only=True) as reader:
        keys, partial = look(reader)
    tally.partial += partial
    tally.committed_twice = sum(times > 1 for times in keys.values()) + abs(len(keys) - tally.acknowledged)
    return tally
