"""Two nights at once, both killed again and again, on either catalogue. `make stress`; NIGHT_KILLS=6 kills less often.

Both read the same problems, others each round, and pass on the same solutions; one server teaches both. The first round is not
killed: it tells how long one takes. What was counted goes to `stress/results/nights_at_once.json`.
"""

import json
import os
import random
import subprocess
import time
from pathlib import Path

from storage.lake.lake import Lake
from storage.workspace import Workspace
from stress.nights import books, keep, taught
from tests.flows.conftest import CommandLine, command_line
from tests.synth.faults import Server, serving

KILLS = int(os.environ.get("NIGHT_KILLS", "40"))
KILLS_PER_ROUND = 6
PROBLEMS = 60
PACE_S = 1.0
PATIENCE_S = 3000.0


def recipes(cli: CommandLine, server: Server, number: int) -> list[Path]:
    """Two recipes for the same problems: their solutions as they are, and a worked one of the server's."""
    file = cli.folder / f"problems-{number}.jsonl"
    rows = [(1000 * number + n, n + 3) for n in range(11, 11 + PROBLEMS)]
    lines = [
        {"q": f"Ann has {a} pears and buys {b}. How many has she?", "a": str(a + b), "how": f"{a} + {b} = {a + b}"}
        for a, b in rows
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    mapping = {"question": "q", "answer": "a", "solution": "how"}
    source = {"name": "mine", "kind": "file", "options": {"path": str(file), "mapping": mapping}}
    made = []
    for name in ("one", "two"):
        content = taught(server, PROBLEMS, 1, concurrency=16)
        content |= {"name": name, "shard": 15, "problems": {"fresh": False, "limit": PROBLEMS, "sources": [source]}}
        content["methods"] = [{"method": "gold"}, *content["methods"]]
        made.append(cli.recipe(content, f"{name}-{number}.yaml"))
    return made


def begin(cli: CommandLine, recipes_of_night: list[Path], day: str) -> "list[subprocess.Popen[str]]":
    """Start a night of each recipe."""
    return [cli.start("run", recipe, "--date", day, "--quiet") for recipe in recipes_of_night]


def test_two_nights_killed_again_and_again(tmp_path: Path, either: Workspace, prefect_server: str) -> None:
    """No attempt or row is lost or doubled, no row is accepted by both, and no question is answered twice for want of a claim."""
    cli = command_line(tmp_path, prefect_server)
    cli.workspace = either.root
    cli.environment["NIGHTSCHOOL_WORKSPACE"] = str(either.root)
    kills, whole, rounds = 0, 0.0, -(-KILLS // KILLS_PER_ROUND) + 1
    with serving(tmp_path, "none", PACE_S) as server:
        for number in range(rounds):
            made, day = recipes(cli, server, number), f"2026-01-{number + 1:02}"
            began = time.monotonic()
            for _ in range(KILLS_PER_ROUND // 2 if number else 0):
                for process in random.sample(begin(cli, made, day), 2):
                    time.sleep(random.uniform(0, whole / 2))
                    kills += process.poll() is None
                    server.kill_client(process)
            for process in begin(cli, made, day):
                output, _ = process.communicate(timeout=PATIENCE_S)
                assert process.returncode == 0, output[-3000:]
            whole = whole if number else time.monotonic() - began
        answered, there = len(server.answered()), server.paid_again(0.0)
    figures = {**books(cli), "rounds": rounds, "kills": kills, "answered": answered, "there_and_paid_again": there}
    with Lake(either, read_only=True) as lake:
        (accepted,) = lake.rows("select count(*) as rows, count(distinct problem_id) as problems from accepted")
        rejected = lake.rows("select split_part(reason, ':', 1) as reason, count(*) as n from rejected group by all")
    figures |= {
        "accepted": accepted["rows"],
        "problems_accepted": accepted["problems"],
        "rejected": {row["reason"]: row["n"] for row in rejected},
    }
    keep("nights_at_once", figures, "postgres" if "catalog" in either.config else "sqlite")
    attempts = rounds * 2 * 2 * PROBLEMS
    assert figures["planned"] == figures["done"] == figures["attempts"] == attempts, figures
    assert figures["rows"] == figures["distinct_rows"], figures
    assert accepted["rows"] == accepted["problems"] == rounds * PROBLEMS, figures
    assert figures["agree"] and not figures["wrong"] and figures["leases"] == 0, figures
    assert answered == rounds * PROBLEMS, "the same question of both nights is one call"
