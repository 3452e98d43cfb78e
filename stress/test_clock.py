"""A clock that goes two days forward and back while nights run. `make stress`; figures in `stress/results/clock.json`."""

import subprocess
import time
from pathlib import Path

from storage.workspace import Workspace
from stress.faults.clock import Clock
from stress.nights import books, keep, taught
from tests.flows.conftest import CommandLine, command_line
from tests.synth.faults import Server, serving

CALLS = 1000
PACE_S = 0.5
PATIENCE_S = 1200.0


def answered(server: Server, count: int, *processes: "subprocess.Popen[str]") -> None:
    """Wait until the server has given so many answers; every process goes on meanwhile."""
    until = time.monotonic() + PATIENCE_S
    while server.counted("a") < count and time.monotonic() < until:
        over = [process for process in processes if process.poll() is not None]
        assert not over, [process.communicate()[0][-3000:] for process in over]
        time.sleep(0.05)
    assert server.counted("a") >= count


def ended(process: "subprocess.Popen[str]") -> None:
    """Wait for the end of a night that has to be a good one."""
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0 and "Traceback" not in output, output[-3000:]


def test_a_clock_that_goes_two_days_forward_and_back(tmp_path: Path, either: Workspace, prefect_server: str) -> None:
    """Two nights at once, maintenance in the middle, a kill: nothing is lost, doubled or stuck."""
    cli: CommandLine = command_line(tmp_path, prefect_server)
    cli.workspace = either.root
    clock = Clock(tmp_path)
    cli.environment |= {"NIGHTSCHOOL_WORKSPACE": str(either.root), **clock.environment}
    with serving(tmp_path, "none", PACE_S) as server:
        recipe = taught(server, CALLS // 5, 5, concurrency=32)
        first, second = (
            cli.recipe({**recipe, "name": name, "dataset": name}, f"{name}.yaml") for name in ("one", "two")
        )
        nights = [cli.start("run", path, "--date", "2026-01-01", "--quiet") for path in (first, second)]
        answered(server, 200, *nights)
        clock.set_days(2)
        maintained = cli.start("lake", "maintain")  # by a clock for which all that is at work is two days old
        answered(server, 400, *nights)
        ended(maintained)
        clock.set_days(-2)
        answered(server, 600, *nights)
        clock.set_days(2)
        server.kill_client(nights[0])  # its claims and leases end in two days
        server.kill_client(nights[1])
        clock.set_days(0)
        began = time.monotonic()
        nights = [cli.start("run", path, "--date", "2026-01-01", "--quiet") for path in (first, second)]
        for process in nights:
            ended(process)
        seconds = time.monotonic() - began
        given, there = server.answered(), server.paid_again(0.0)
        dying = server.paid_again() - there
    figures = {
        **books(cli), "answered": len(given), "answered_again": given.total() - len(given) - dying,
        "there_at_the_kill_and_paid_again": there, "given_to_a_dying_client_and_paid_again": dying,
        "seconds_after": round(seconds),
    }  # fmt: skip
    keep("clock", figures, "postgres" if "catalog" in either.config else "sqlite")
    assert figures["planned"] == figures["done"] == figures["attempts"] == 2 * CALLS, figures
    assert figures["rows"] == figures["distinct_rows"] == 2 * CALLS, figures
    assert figures["agree"] and not figures["wrong"], figures
    assert figures["answered"] == figures["recorded"] == 2 * CALLS and figures["answered_again"] == there == 0, figures
