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
"""Of the answers that were there when the kill was sent."""
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
    """Start the night, and kill it at a random moment after the server has given so many answers."""
    process = cli.start(*command)
    until = time.monotonic() + PATIENCE_S
    while process.poll() is None and server.counted("a") < goal and time.monotonic() < until:
        time.sleep(random.uniform(0.002, 0.02))
    assert process.poll() is None, process.communicate()[0][-3000:]
    time.sleep(random.uniform(0, PACE_S))  # else always in the moment after an answer
    server.kill_client(process)


def test_a_night_killed_a_hundred_times(tmp_path: Path, prefect_server: str) -> None:
    """No row is lost or doubled; of a thousand answers that were there at a kill at most five are paid twice.

    A question that is open at a kill is lost: its server may bill it, also when it answers a process that is dying. Those are
    counted apart.
    """
    cli = command_line(tmp_path, prefect_server)
    with serving(tmp_path, "none", PACE_S) as server:
        command = night(cli, server)
        for number in range(KILLS):
            given = server.counted("a")
            kill(cli, server, command, given + random.randint(1, max(2, 2 * (CALLS - given) // (KILLS - number + 1))))
        process = cli.start(*command)
        output, _ = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, output[-3000:]
        paid_again, there, answered = server.paid_again(), server.paid_again(0.0), len(server.answered())
    workspace = Workspace.open(cli.workspace)
    with Lake(workspace, read_only=True) as lake, Ledger(workspace.ledger) as ledger:
        (attempts,) = lake.rows(
            "select count(*) filter (where status = 'planned') as planned, count(*) filter (where status = 'done') as done, "
            "count(distinct attempt_id) as attempts from attempts"
        )
        (samples,) = lake.rows("select count(*) as rows, count(distinct sample_id) as distinct_rows from samples")
        agree, recorded = check(ledger, lake).agree, ledger.count()
    figures = {
        "kills": KILLS, "calls": CALLS, "answered": answered, "recorded": recorded,
        "there_at_the_kill_and_paid_again": there, "there_per_thousand": round(1000 * there / CALLS, 2),
        "given_to_a_dying_client_and_paid_again": paid_again - there, **attempts, **samples,
    }  # fmt: skip
    machine = {"load": round(os.getloadavg()[0], 1), "python": platform.python_version(), "prefect": version("prefect")}
    RESULT.write_text(
        json.dumps({**figures, **machine, "date": datetime.now(UTC).isoformat(timespec="seconds")}, indent=1) + "\n"
    )
    assert attempts == {"planned": CALLS, "done": CALLS, "attempts": CALLS}, "lost or doubled"
    assert samples == {"rows": CALLS, "distinct_rows": CALLS}, "lost or doubled"
    assert answered == recorded == CALLS and agree
    assert there <= PAID_AGAIN * CALLS
