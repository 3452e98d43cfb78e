"""Four nights, each killed twenty-five times, with a server that keeps book of every answer it gave. `make stress`.

What was counted goes to `stress/results/night_kills.json`, one entry per night and their sums. NIGHT_KILLS=10 kills each night
less often, NIGHT_CALLS=2000 makes it shorter. On a machine where the night gets no processor for a while, what its kernel has
received and it has not read counts as lost too: run it at normal priority.
"""

import json
import os
import random
import time
from pathlib import Path

import pytest

from stress.nights import RESULTS, books, keep, taught
from tests.flows.conftest import CommandLine, command_line
from tests.synth.faults import Server, serving

NIGHTS = 4
KILLS = int(os.environ.get("NIGHT_KILLS", "25"))
PROBLEMS = 1000
CALLS = int(os.environ.get("NIGHT_CALLS", max(200 * KILLS // PROBLEMS, 1) * PROBLEMS))
PACE_S = 1.5
"""Seconds an answer takes, 64 at once: the pace of a real server on two cores."""
PAID_AGAIN = 0.005
"""Of the answers that were there when the kill was sent."""
PATIENCE_S = 3000.0
SUMS = ("kills", "calls", "answered", "there_at_the_kill_and_paid_again", "given_to_a_dying_client_and_paid_again")


def kill(cli: CommandLine, server: Server, command: tuple[object, ...], goal: int) -> None:
    """Start the night, and kill it at a random moment after the server has given so many answers."""
    process = cli.start(*command)
    until = time.monotonic() + PATIENCE_S
    while process.poll() is None and server.counted("a") < goal and time.monotonic() < until:
        time.sleep(random.uniform(0.002, 0.02))
    assert process.poll() is None, process.communicate()[0][-3000:]
    time.sleep(random.uniform(0, PACE_S))  # else always in the moment after an answer
    server.kill_client(process)


def sum_up() -> dict[str, int]:
    """Keep the sums of all nights beside them, and return them."""
    kept = json.loads((RESULTS / "night_kills.json").read_text())
    nights = [entry for case, entry in kept.items() if case.startswith("night ")]
    sums = {name: sum(entry[name] for entry in nights) for name in SUMS} | {
        "lost": sum(entry["calls"] - entry["done"] for entry in nights),
        "doubled": sum(entry["rows"] - entry["distinct_rows"] for entry in nights),
    }
    keep("night_kills", {"nights": len(nights), **sums}, "all")
    return sums


@pytest.mark.parametrize("number", range(1, NIGHTS + 1))
def test_a_night_killed_again_and_again(tmp_path: Path, prefect_server: str, number: int) -> None:
    """No row is lost or doubled; of a thousand answers that were there at a kill at most five are paid twice.

    A question that is open at a kill is lost: its server may bill it, also when it answers a process that is dying. Those are
    counted apart.
    """
    cli = command_line(tmp_path, prefect_server)
    with serving(tmp_path, "none", PACE_S) as server:
        recipe = cli.recipe(taught(server, PROBLEMS, CALLS // PROBLEMS))
        command = ("run", recipe, "--date", "2026-01-01", "--quiet")
        for killed in range(KILLS):
            given = server.counted("a")
            kill(cli, server, command, given + random.randint(1, max(2, 2 * (CALLS - given) // (KILLS - killed + 1))))
        process = cli.start(*command)
        output, _ = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, output[-3000:]
        paid_again, there, answered = server.paid_again(), server.paid_again(0.0), len(server.answered())
    figures = {
        "kills": KILLS, "calls": CALLS, "answered": answered, "there_at_the_kill_and_paid_again": there,
        "given_to_a_dying_client_and_paid_again": paid_again - there, **books(cli),
    }  # fmt: skip
    keep("night_kills", figures, f"night {number}")
    sum_up()
    assert figures["planned"] == figures["done"] == figures["attempts"] == CALLS, "lost or doubled"
    assert figures["rows"] == figures["distinct_rows"] == CALLS, "lost or doubled"
    assert answered == figures["recorded"] == CALLS and figures["agree"] and not figures["wrong"], figures
    assert there <= PAID_AGAIN * CALLS
