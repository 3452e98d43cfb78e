"""A night killed a hundred times, with a server that keeps book of every answer it gave. `make stress`.

What was counted goes to `stress/results/night_kills.json`, with the date, the versions and the load. NIGHT_KILLS=10 kills less
often, and the night is as much shorter.
"""

import json
import os
import platform
import random
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from storage.lake.lake import Lake
from storage.ledger.ledger import Ledger
from storage.ledger.published import check
from storage.workspace import Workspace
from tests.flows.conftest import SMALL, CommandLine, command_line
from tests.synth.faults import Server, serving

RESULT = Path(__file__).parent / "results" / "night_kills.json"
KILLS = int(os.environ.get("NIGHT_KILLS", "100"))
PROBLEMS = 1000
CALLS = max(200 * KILLS // PROBLEMS, 1) * PROBLEMS
PACE_S = 1.5
"""Seconds an answer takes, 64 at once: the pace of a real server on two cores."""
PAID_AGAIN = 0.005
PATIENCE_S = 3000.0


def night(cli: CommandLine, server: Server) -> tuple[object, ...]:
    """The command of a night in which every problem is asked about several times."""
    teacher = {"engine": "vllm", "endpoint": server.endpoint, "name": "t", "revision": "1", "concurrency": 64}
    recipe = {
        **SMALL,
        "shard": 500,
        "problems": {
            "limit": PROBLEMS,
            "sources": [{"name": "a", "kind": "arithmetic", "options": {"tiers": [1, 2, 3]}}],
        },
        "models": {"teacher": teacher},
        "methods": [{"method": "cot", "params": {"temperature": 1.0}, "repetitions": CALLS // PROBLEMS}],
        "alarms": {"share": 1},
    }
    return "run", cli.recipe(recipe), "--date", "2026-01-01", "--quiet"


def kill(cli: CommandLine, server: Server, command: tuple[object, ...], goal: int) -> None:
    """Start the night, and kill it once the server has given so many answers."""
    process = cli.start(*command)
    until = time.monotonic() + PATIENCE_S
    while process.poll() is None and server.counted("a") < goal and time.monotonic() < until:
        time.sleep(random.uniform(0.002, 0.02))
    assert process.poll() is None, process.communicate()[0][-3000:]
    process.kill()
    server.kills.append(time.monotonic())
    process.communicate()


def test_a_night_killed_a_hundred_times(tmp_path: Path, prefect_server: str) -> None:
    """No row is lost or doubled, and of a thousand answers at most five are paid twice."""
    cli = command_line(tmp_path, prefect_server)
    with serving(tmp_path, "none", PACE_S) as server:
        command = night(cli, server)
        for number in range(KILLS):
            given = server.counted("a")
            kill(cli, server, command, given + random.randint(1, max(2, 2 * (CALLS - given) // (KILLS - number + 1))))
        process = cli.start(*command)
        output, _ = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, output[-3000:]
        paid_again, asked_again, answered = server.paid_again(), server.counted("r"), len(server.answered())
        late = server.paid_again(1.0)
    workspace = Workspace.open(cli.workspace)
    with Lake(workspace, read_only=True) as lake, Ledger(workspace.ledger) as ledger:
        (attempts,) = lake.rows(
            "select count(*) filter (where status = 'planned') as planned, count(*) filter (where status = 'done') as done, "
            "count(distinct attempt_id) as attempts from attempts"
        )
        (samples,) = lake.rows("select count(*) as rows, count(distinct sample_id) as distinct_rows from samples")
        agree, recorded = check(ledger, lake).agree, ledger.count()
    figures = {
        "kills": KILLS, "calls": CALLS, "answered": answered, "recorded": recorded, "paid_again": paid_again,
        "asked_again": asked_again, "there_for_a_second_and_paid_again": late,
        "per_thousand": round(1000 * paid_again / CALLS, 2), **attempts, **samples,
    }  # fmt: skip
    machine = {"load": round(os.getloadavg()[0], 1), "python": platform.python_version(), "prefect": version("prefect")}
    RESULT.write_text(
        json.dumps({**figures, **machine, "date": datetime.now(UTC).isoformat(timespec="seconds")}, indent=1) + "\n"
    )
    assert attempts == {"planned": CALLS, "done": CALLS, "attempts": CALLS}, "lost or doubled"
    assert samples == {"rows": CALLS, "distinct_rows": CALLS}, "lost or doubled"
    assert answered == recorded == CALLS and agree
    assert paid_again <= PAID_AGAIN * CALLS
