import asyncio
import sqlite3
import subprocess
import sys
from dataclasses import replace

import pytest

from storage.lake import nights
from storage.ledger.ledger import Call, Ledger
from storage.ledger.published import adopt, check, publish, repair
from storage.workspace import Workspace


@pytest.fixture
def elsewhere(tmp_path):
    """The ledger of another machine, whose nights use the same lake."""
    with Ledger(tmp_path / "other.sqlite") as opened:
        yield opened


def numbered(number: int, **changes) -> Call:
    call = Call(
        f"k{number:04}",
        "m",
        "teacher",
        "solve",
        ({"role": "user", "content": "q"},),
        {"seed": 1},
        "0.0",
        str(number),
        "stop",
        1,
        2,
        "n",
    )
    return replace(call, **changes)


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


async def test_another_machines_calls_are_adopted_once_and_as_they_were(ledger, elsewhere, lake):
    thought = numbered(1, reasoning="so", cached_tokens=1, seconds=0.5, cost=0.25, method="cot", origin="imported")
    await asyncio.gather(
        elsewhere.record(thought), elsewhere.record(numbered(2)), elsewhere.record(numbered(3, model="other"))
    )
    publish(elsewhere, lake)
    await ledger.record(numbered(2, response="our own"))
    publish(ledger, lake)
    assert adopt(ledger, lake, ["m"]) == 1
    assert (
        ledger.find("k0001") == thought and ledger.find("k0002").response == "our own" and ledger.find("k0003") is None
    )
    assert adopt(ledger, lake, ["m"]) == 0
    assert ledger.unpublished() == []
    await elsewhere.record(numbered(4))
    publish(elsewhere, lake)
    assert adopt(ledger, lake, ["m", "other"]) == 2
    assert ledger.find("k0004") == numbered(4)
    assert ledger.find("k0004").created_at == elsewhere.find("k0004").created_at


async def test_adopting_reads_what_is_new_and_not_history(ledger, elsewhere, lake, monkeypatch):
    for number in range(3):
        await elsewhere.record(numbered(number))
        publish(elsewhere, lake)
    adopt(ledger, lake, ["m"])
    await elsewhere.record(numbered(9))
    publish(elsewhere, lake)
    read = []
    query = lake.query
    monkeypatch.setattr(lake, "query", lambda *args: read.append(query(*args)) or read[-1])
    assert adopt(ledger, lake, ["m"]) == 1
    assert sum(table.num_rows for table in read if "response" in table.column_names) == 1


async def test_a_ledger_and_its_lake_agree(ledger, elsewhere, lake):
    await asyncio.gather(*(ledger.record(numbered(number)) for number in range(5)), elsewhere.record(numbered(7)))
    publish(ledger, lake)
    publish(elsewhere, lake)
    await ledger.record(numbered(8, origin="imported"))
    reconciliation = check(ledger, lake)
    assert reconciliation.agree
    assert (reconciliation.calls, reconciliation.made, reconciliation.imported, reconciliation.unpublished) == (
        6,
        5,
        1,
        1,
    )
    assert (reconciliation.lake_calls, reconciliation.lake_own) == (6, 5)


async def test_a_check_leaves_the_ledger_its_locks(ledger, lake):
    """Without them the next process that comes and goes deletes the log that this one goes on writing to."""

    def another_process_counts() -> int:
        code = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('select count(*) from calls').fetchone()[0])"
        out = subprocess.run([sys.executable, "-c", code, str(ledger.path)], capture_output=True, text=True, check=True)
        return int(out.stdout)

    await ledger.record(numbered(1))
    publish(ledger, lake)
    assert check(ledger, lake).agree and repair(ledger, lake) == 0
    assert another_process_counts() == 1
    await ledger.record(numbered(2))
    assert another_process_counts() == 2


async def test_a_check_reads_the_ledger_in_batches(ledger, lake):
    await asyncio.gather(*(ledger.record(numbered(number, response="ä" * number)) for number in range(8)))
    publish(ledger, lake)
    assert [batch.num_rows for batch in ledger.standing(batch_rows=3)] == [3, 3, 2]
    reconciliation = check(ledger, lake)
    assert reconciliation.agree and reconciliation.calls == reconciliation.lake_own == 8


async def test_what_either_has_lost_is_found(ledger, lake, workspace):
    await asyncio.gather(*(ledger.record(numbered(number)) for number in range(4)))
    publish(ledger, lake)
    await ledger.record(numbered(9))
    ledger.mark_published(["k0009"])
    with sqlite3.connect(workspace.ledger) as damaged:
        damaged.execute("delete from calls where key = 'k0001'")
        damaged.execute("update calls set response = 'other' where key = 'k0002'")
    damaged.close()
    books = check(ledger, lake)
    assert not books.agree
    assert (
        books.missing_in_lake,
        books.missing_in_ledger,
        books.differing,
        books.twice_in_lake,
    ) == (1, 1, 1, 0)
    assert set(books.examples) == {"k0009", "k0001", "k0002"} and books.to_json()["agree"] is False
    assert repair(ledger, lake) == 1 and publish(ledger, lake) == 1
    assert check(ledger, lake).missing_in_lake == 0


async def test_costs_are_one_query(ledger, lake):
    await asyncio.gather(
        ledger.record(numbered(1, method="cot", seconds=1.5, cost=0.5, cached_tokens=1, thought_tokens=1)),
        ledger.record(numbered(2, method="cot", seconds=0.5, cost=0.25)),
        ledger.record(numbered(3, method="critique", role="student")),
        ledger.record(numbered(4, origin="imported", night=None)),
        ledger.record(numbered(5, night="another")),
    )
    publish(ledger, lake)
    first, second = nights.costs(lake, "n")
    assert first == {
        "method": "cot", "model": "m", "role": "teacher", "calls": 2, "prompt_tokens": 2, "cached_tokens": 1,
        "completion_tokens": 4, "thought_tokens": 1, "seconds": 2.0, "cost": 0.75,
    }  # fmt: skip
    assert (second["method"], second["role"], second["calls"]) == ("critique", "student", 1)


def test_a_workspace_has_one_ledger_with_one_name(tmp_path):
    workspace = Workspace.create(tmp_path / "w")
    with Ledger(workspace.ledger) as first, Ledger(workspace.ledger) as second:
        assert first.id == second.id and len(first.id) == 32
