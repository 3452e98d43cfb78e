import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from storage.ledger import claims
from storage.ledger.claims import Claims
from storage.ledger.ledger import Call, Ledger

HOLDER = (
    "import asyncio, pathlib, sys\n"
    "from storage.ledger.ledger import Ledger\n"
    "async def main():\n"
    "    ledger = Ledger(pathlib.Path(sys.argv[1]))\n"
    "    assert await ledger.claim('k') is None\n"
    "    print('held', flush=True)\n"
    "    await asyncio.sleep(60)\n"
    "asyncio.run(main())\n"
)


def call(key: str) -> Call:
    return Call(key, "m", "r", "a", (), {}, "0.0", "answer", "stop", 0, 0)


ENOUGH_S = claims.LEASE_S / 2
"""Far more than it takes, and less than a claim lasts that nobody gives up."""


@pytest.fixture
def other(workspace):
    with Ledger(workspace.ledger) as opened:
        yield opened


@pytest.fixture
def holder(workspace):
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(workspace.ledger)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def connection(workspace) -> sqlite3.Connection:
    return sqlite3.connect(workspace.ledger, isolation_level=None)


async def test_who_waits_gets_the_answer_of_who_asks(ledger, other):
    assert await ledger.claim("k") is None
    waiting = asyncio.create_task(other.claim("k"))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await ledger.record(call("k"))
    assert await asyncio.wait_for(waiting, ENOUGH_S) == call("k")


async def test_who_gives_up_lets_another_try(ledger, other):
    assert await ledger.claim("k") is None
    waiting = asyncio.create_task(other.claim("k"))
    await asyncio.sleep(0.05)
    ledger.release("k")
    assert await asyncio.wait_for(waiting, ENOUGH_S) is None


async def test_two_coroutines_of_one_ledger_do_not_both_get_the_claim(ledger):
    assert await ledger.claim("k") is None
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ledger.claim("k"), 0.2)
    await ledger.record(call("k"))
    assert await ledger.claim("k") == call("k")


async def test_a_claim_whose_asker_was_cancelled_is_given_up(ledger, other):
    task = asyncio.create_task(ledger.claim("k"))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await asyncio.wait_for(other.claim("k"), ENOUGH_S) is None


async def test_the_claims_of_a_killed_process_are_taken_over(holder, ledger):
    waiting = asyncio.create_task(ledger.claim("k"))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    os.kill(holder.pid, signal.SIGKILL)
    # nobody has waited for it: it is a zombie now
    assert await asyncio.wait_for(waiting, ENOUGH_S) is None


async def test_a_stopped_process_keeps_its_claims_only_for_its_lease(holder, ledger, workspace):
    os.kill(holder.pid, signal.SIGSTOP)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ledger.claim("k"), 0.5)
    edit = connection(workspace)
    edit.execute("update owners set lease = ?", (time.monotonic() - 1,))
    edit.close()
    assert await asyncio.wait_for(ledger.claim("k"), ENOUGH_S) is None
    await ledger.record(call("k"))
    os.kill(holder.pid, signal.SIGCONT)


async def test_a_pid_that_means_another_process_now_holds_nothing(holder, ledger, workspace):
    edit = connection(workspace)
    edit.execute("update owners set started = '1'")
    edit.close()
    assert await asyncio.wait_for(ledger.claim("k"), ENOUGH_S) is None


async def test_a_pid_of_another_machine_or_container_is_not_looked_at(holder, ledger, workspace):
    edit = connection(workspace)
    edit.execute("update owners set started = '1', place = 'another'")
    edit.close()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ledger.claim("k"), 1.5)


@pytest.mark.parametrize("days", [2, -2])
def test_a_clock_that_is_set_ends_no_claim(holder, workspace, monkeypatch, days):
    clock = time.time
    monkeypatch.setattr(claims.time, "time", lambda: clock() + 86_400 * days)
    ours = Claims(connection(workspace))
    assert ours.take(["k"]) == set(), "its owner lives and renews"
    holder.kill()
    holder.wait()
    assert ours.take(["k"]) == {"k"}


@pytest.mark.parametrize("where", ["another boot pid:[1]", None])
def test_a_claim_of_before_the_machine_was_started_is_lost(workspace, where):
    edit = connection(workspace)
    with Ledger(workspace.ledger):
        edit.execute("insert into claims values ('k', 'gone')")
        if where is not None:
            edit.execute("insert into owners values ('gone', ?, 1, '1', ?)", (where, time.monotonic() + 10))
        assert Claims(connection(workspace)).take(["k"]) == {"k"}


def test_a_lease_is_renewed_now_and_then(workspace, monkeypatch):
    with Ledger(workspace.ledger):
        pass
    edit = connection(workspace)
    held = Claims(edit)
    held.renew()
    assert edit.execute("select count(*) from owners").fetchone() == (0,)
    held.take(["k"])
    monkeypatch.setattr(claims, "RENEW_S", 0.0)
    before = edit.execute("select lease from owners").fetchone()
    held.renew()
    assert edit.execute("select lease from owners").fetchone() > before
    held.end()
    assert (
        edit.execute("select count(*) from owners").fetchone()
        == edit.execute("select count(*) from claims").fetchone()
        == (0,)
    )
    edit.close()


def test_a_closed_ledger_leaves_no_claims(workspace):
    with Ledger(workspace.ledger) as ledger:
        asyncio.run(ledger.claim("k"))
    edit = connection(workspace)
    assert (
        edit.execute("select count(*) from owners").fetchone()
        == edit.execute("select count(*) from claims").fetchone()
        == (0,)
    )
    edit.close()
