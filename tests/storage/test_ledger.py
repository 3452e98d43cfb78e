import asyncio
import os
import signal
import subprocess
import sys

import pytest

from storage.ledger import Call, Ledger, Spent, publish

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


@pytest.fixture
def ledger(workspace):
    with Ledger(workspace.ledger) as opened:
        yield opened


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
    found = ledger.find("k")
    assert found is not None and found.response == "answer" and ledger.count() == 1


async def test_many_records_share_a_commit(ledger):
    await asyncio.gather(*(ledger.record(numbered(number)) for number in range(500)))
    assert ledger.count() == 500
    assert ledger.spent("n") == Spent(500, 500, 1000) and ledger.spent("other") == Spent()


async def test_a_failed_write_is_told_to_everyone_who_waits(workspace):
    from storage.errors import LakeError

    ledger = Ledger(workspace.ledger)
    try:
        bad = Call(**{**{name: getattr(CALL, name) for name in CALL.__dataclass_fields__}, "model": None})  # type: ignore[arg-type]
        results = await asyncio.gather(ledger.record(bad), ledger.record(numbered(1)), return_exceptions=True)
        ignored = [result for result in results if isinstance(result, LakeError)]
        await ledger.record(numbered(2))  # the writer lives on
        assert ledger.find("k0002") is not None
        assert ignored or ledger.find("k") is None
    finally:
        ledger.close()


def test_what_was_acknowledged_survives_kill_9(workspace):
    code = (
        "import asyncio, sys, pathlib\n"
        "from storage.ledger import Call, Ledger\n"
        "async def main():\n"
        "    ledger = Ledger(pathlib.Path(sys.argv[1]))\n"
        "    for n in range(10_000):\n"
        "        await ledger.record(Call(f'k{n}', 'm', 'r', 'a', (), {}, '0.0', str(n), 'stop', 0, 0))\n"
        "        print(n, flush=True)\n"
        "asyncio.run(main())\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", code, str(workspace.ledger)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    seen = [int(writer.stdout.readline()) for _ in range(20)]
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    with Ledger(workspace.ledger) as ledger:
        assert all(ledger.find(f"k{number}") is not None for number in seen)


async def test_publishing_brings_each_call_into_the_lake_once(ledger, lake):
    for number in range(3):
        await ledger.record(numbered(number))
    assert publish(ledger, lake, "n") == 3
    assert publish(ledger, lake, "n") == 0
    await ledger.record(numbered(3))
    assert publish(ledger, lake, "n") == 1
    assert lake.rows("select count(*) as n, count(distinct call_id) as ids from calls") == [{"n": 4, "ids": 4}]


async def test_a_crash_between_lake_and_mark_publishes_nothing_twice(ledger, lake, monkeypatch):
    await ledger.record(numbered(1))
    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "mark_published", lambda self, keys: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            publish(ledger, lake, "n")
    await ledger.record(numbered(2))
    assert publish(ledger, lake, "n") == 1
    assert [row["call_id"] for row in lake.rows("select call_id from calls order by 1")] == ["k0001", "k0002"]
