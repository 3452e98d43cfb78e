import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace

import pytest

from storage.errors import LakeError
from storage.ledger import syncer, writer
from storage.ledger.ledger import Added, Call, Ledger, Spent
from storage.ledger.syncer import Syncer
from storage.ledger.writer import open_file

CALL = Call(
    "k",
    "m",
    "student",
    "solve",
    ({"role": "user", "content": "hé"},),
    {"temperature": 0.5},
    "0.0",
    "answer",
    "stop",
    3,
    5,
    "n",
)


def numbered(number: int) -> Call:
    return Call(f"k{number:04}", "m", "teacher", "solve", (), {}, "0.0", str(number), "stop", 1, 2, "n")


async def test_a_recorded_call_is_found_as_it_was(ledger):
    assert ledger.find("k") is None
    await ledger.record(CALL)
    assert ledger.find("k") == CALL


async def test_the_first_answer_under_a_key_stays(ledger):
    await ledger.record(CALL)
    await ledger.record(
        Call(**{**{name: getattr(CALL, name) for name in CALL.__dataclass_fields__}, "response": "other"})
    )
    recorded = ledger.find("k")
    assert recorded is not None and recorded.response == "answer" and ledger.count() == 1


async def test_many_records_share_a_commit(ledger):
    await asyncio.gather(*(ledger.record(numbered(number)) for number in range(500)))
    assert ledger.count() == 500
    assert ledger.spent("n") == Spent(500, 500, 1000) and ledger.spent("other") == Spent()


async def test_the_answer_that_stays_is_the_one_to_use(ledger):
    other = replace(CALL, response="another answer")
    stays = await asyncio.gather(ledger.record(CALL), ledger.record(other))
    assert stays[0] == stays[1] == ledger.find("k")
    assert await ledger.record(other) == CALL


async def test_one_bad_row_does_not_take_its_neighbours_along(ledger):
    bad = replace(CALL, model=None)
    results = await asyncio.gather(ledger.record(bad), ledger.record(numbered(1)), return_exceptions=True)
    assert isinstance(results[0], LakeError) and results[1] == numbered(1)
    assert ledger.find("k") is None and ledger.find("k0001") is not None


async def test_an_answer_is_synced_to_the_disk_and_a_claim_need_not_be(workspace, monkeypatch):
    steps: list[str] = []

    def traced(path):
        connection = open_file(path)
        connection.set_trace_callback(lambda statement: steps.append(statement.lstrip()[:17]))
        return connection

    sync = Syncer._sync
    monkeypatch.setattr(writer, "open_file", traced)
    monkeypatch.setattr(Syncer, "_sync", lambda syncer: (steps.append("sync"), sync(syncer))[1])
    with Ledger(workspace.ledger) as ledger:
        for number in range(3):
            steps.clear()
            await ledger.claim(f"k{number:04}")
            assert "sync" not in steps
            await ledger.record(numbered(number))
            assert steps.index("insert into calls") < steps.index("sync")
        steps.clear()
        assert await ledger.claim("k0001") == numbered(1), "written by another process, say, and not synced by it yet"
        assert "sync" in steps


async def test_an_answer_outlives_a_kill_before_it_is_synced_and_is_used_after(ledger, monkeypatch):
    syncing, go_on = threading.Event(), threading.Event()
    monkeypatch.setattr(Syncer, "_sync", lambda syncer: (syncing.set(), go_on.wait(), None)[2])
    recording = asyncio.create_task(ledger.record(CALL))
    await asyncio.to_thread(syncing.wait)
    with closing(sqlite3.connect(ledger.path)) as other:  # what the next process finds after a kill
        assert other.execute("select key from calls").fetchall() == [("k",)]
    assert not recording.done()
    go_on.set()
    assert await recording == CALL


async def test_an_answer_that_cannot_be_synced_is_not_used(ledger, monkeypatch):
    monkeypatch.setattr(Syncer, "_sync", lambda syncer: OSError(5, "Input/output error"))
    with pytest.raises(LakeError, match=r"cannot be written: .*Input/output error"):
        await ledger.record(CALL)


@pytest.fixture
def pauses(monkeypatch) -> list[float]:
    """The pauses that are made before a sync."""
    slept: list[float] = []
    sleep = time.sleep
    monkeypatch.setattr(syncer.time, "sleep", lambda seconds: slept.append(seconds) or sleep(seconds))
    return slept


async def test_a_sync_waits_at_most_50_ms_for_others(ledger, pauses):
    for count in (1, 1, 10, 300, 1):
        await asyncio.gather(*(ledger.record(numbered(number)) for number in range(count)))
    assert len(pauses) >= 5 and max(pauses) <= 0.05


async def test_an_answer_that_comes_alone_is_synced_at_once_and_its_followers_share_a_sync(ledger, monkeypatch, pauses):
    monkeypatch.setattr(syncer, "GATHER_S", 1.0)
    monkeypatch.setattr(syncer, "LONGEST_GATHER_S", 1.0)
    sizes = []
    insertion = writer.insertion
    monkeypatch.setattr(writer, "insertion", lambda rows: sizes.append(rows) or insertion(rows))
    await ledger.record(CALL)
    await asyncio.gather(*(ledger.record(numbered(number)) for number in range(20)))
    assert sizes == [1, 20] and pauses[0] == 0 and max(pauses) > 0


async def test_what_is_recorded_is_found_while_somebody_else_writes(ledger):
    await ledger.record(CALL)
    other = sqlite3.connect(ledger.path, isolation_level=None)
    other.execute("begin immediate")
    assert await asyncio.wait_for(ledger.claim("k"), 30) == CALL
    other.close()


async def test_a_ledger_that_is_closed_leaves_nobody_waiting(workspace):
    opened = Ledger(workspace.ledger)
    waiting = asyncio.create_task(opened.claim("k"))
    await asyncio.sleep(0)
    opened.close()
    assert await asyncio.wait_for(waiting, 30) is None


async def test_whoever_is_cancelled_while_recording_loses_nothing(ledger):
    task = asyncio.create_task(ledger.record(CALL))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await ledger.record(numbered(1))  # in the same batch, or in a later one
    assert ledger.find("k") == CALL


async def test_the_ledger_of_an_older_version_gets_the_columns_of_this_one(workspace):
    with Ledger(workspace.ledger) as older:
        await older.record(CALL)
    file = sqlite3.connect(workspace.ledger)
    file.execute("alter table calls drop column thought_tokens")
    file.commit()
    file.close()
    with Ledger(workspace.ledger) as newer:
        assert newer.find("k") == CALL
        await newer.record(replace(CALL, key="k2", thought_tokens=3))
        assert newer.find("k2").thought_tokens == 3


def test_a_file_that_is_no_ledger_is_named(tmp_path):
    (tmp_path / "ledger.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(LakeError, match=r"ledger .*ledger.sqlite is damaged .*; move it away"):
        Ledger(tmp_path / "ledger.sqlite")


def test_calls_from_elsewhere_are_added_all_or_none(ledger):
    def broken():
        yield numbered(1)
        raise RuntimeError("line 2")

    with pytest.raises(RuntimeError, match="line 2"):
        ledger.add(broken(), published=False)
    assert ledger.count() == 0
    assert ledger.add([numbered(1), numbered(2)], published=False) == Added(2, 0, 0)
    assert ledger.add([numbered(1), replace(numbered(2), response="x"), numbered(3)], published=True) == Added(1, 1, 1)
    recorded = ledger.find("k0002")
    assert recorded is not None and recorded.response == "2"
    assert [call.key for call in ledger.unpublished()] == ["k0001", "k0002"]


def test_a_full_disk_is_a_sentence_and_nothing_is_used(tmp_path):
    """A real limit on the size of the ledger's files; what was acknowledged before is there, and the run goes on after."""
    code = (
        "import asyncio, pathlib, resource, sys\n"
        "from storage.errors import LakeError\n"
        "from storage.ledger.ledger import Call, Ledger\n"
        "async def main():\n"
        "    ledger, number = Ledger(pathlib.Path(sys.argv[1])), 0\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))\n"
        "    try:\n"
        "        while True:\n"
        "            assert await ledger.claim(f'k{number}') is None\n"
        "            await ledger.record(Call(f'k{number}', 'm', 'r', 'a', (), {}, '0.0', 'x' * 9000, 'stop', 0, 0))\n"
        "            number += 1\n"
        "    except LakeError as error:\n"
        "        print(number, error)\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))\n"
        "    ledger.release(f'k{number}')\n"
        "    assert await ledger.claim(f'k{number}') is None\n"
        "    await ledger.record(Call(f'k{number}', 'm', 'r', 'a', (), {}, '0.0', 'after', 'stop', 0, 0))\n"
        "    ledger.close()\n"
        "asyncio.run(main())\n"
    )
    path = tmp_path / "ledger.sqlite"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    number, message = done.stdout.split(maxsplit=1)
    assert int(number) > 5
    assert (
        "cannot be written" in message and "No answer was used" in message and "run the same command again" in message
    )
    with Ledger(path) as ledger:
        assert ledger.count() == int(number) + 1
        assert all(ledger.find(f"k{index}") is not None for index in range(int(number) + 1))


def test_what_was_acknowledged_survives_kill_9(workspace):
    code = (
        "import asyncio, sys, pathlib\n"
        "from storage.ledger.ledger import Call, Ledger\n"
        "async def main():\n"
        "    ledger = Ledger(pathlib.Path(sys.argv[1]))\n"
        "    for n in range(10_000):\n"
        "        await ledger.record(Call(f'k{n}', 'm', 'r', 'a', (), {}, '0.0', str(n), 'stop', 0, 0))\n"
        "        print(n, flush=True)\n"
        "asyncio.run(main())\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(workspace.ledger)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    seen = [int(process.stdout.readline()) for _ in range(20)]
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with Ledger(workspace.ledger) as ledger:
        assert all(ledger.find(f"k{number}") is not None for number in seen)
