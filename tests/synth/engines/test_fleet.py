"""Places at endpoints: least outstanding first, set aside on failure, back after a sign of life."""

import asyncio
import time
from collections.abc import Callable

import pytest

from storage.errors import ModelServerError
from synth.engines import fleet
from synth.engines.adaptive import START
from synth.engines.fleet import FAILURES, Fleet
from synth.engines.member import Member
from synth.engines.wire import Kind, Trouble

AWAY = Trouble(Kind.AWAY, "no connection")
FAILED = Trouble(Kind.FAILED, "HTTP 500")


class Probed:
    """A probe that a test answers."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.down: dict[str, Exception] = {}

    async def __call__(self, member: Member) -> None:
        self.asked.append(member.root)
        await asyncio.sleep(0)
        if member.root in self.down:
            raise self.down[member.root]


ENOUGH_S = 30
"""What is sure to come takes milliseconds, unless the machine stands still."""


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(ENOUGH_S):
        while not what():
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet, "PROBE_S", 0.01)


@pytest.fixture
def probe() -> Probed:
    return Probed()


async def test_the_least_outstanding_is_taken(probe: Probed) -> None:
    places = Fleet(["a", "b", "c"], 4, True, probe, 1.0)
    taken = [await places.enter() for _ in range(6)]
    assert sorted(member.root for member in taken) == ["a", "a", "b", "b", "c", "c"]
    places.leave(taken[0], 0.0, None, answered=True)
    assert (await places.enter()).root == taken[0].root
    await places.close()


async def test_a_retry_goes_elsewhere(probe: Probed) -> None:
    places = Fleet(["a", "b"], 4, True, probe, 1.0)
    first = await places.enter()
    places.leave(first, 0.0, FAILED)
    assert (await places.enter(avoid=first)) is not first
    await places.close()


async def test_those_beyond_the_limit_wait_their_turn(probe: Probed) -> None:
    places = Fleet(["a"], 2, True, probe, 1.0)
    taken = [await places.enter(), await places.enter()]
    waiting = [asyncio.create_task(places.enter()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    places.leave(taken[0], 0.0, None, answered=True)
    await waiting[1]
    assert not waiting[2].done()
    assert places.members[0].outstanding == 2
    await places.close()
    with pytest.raises(ModelServerError):
        await waiting[2]


async def test_the_slow_start_wakes_those_who_wait(probe: Probed) -> None:
    """Nothing is given back, and still all get their place in the end."""
    places = Fleet(["a"], 5 * START, True, probe, 1.0)
    await asyncio.wait_for(asyncio.gather(*(places.enter() for _ in range(5 * START))), ENOUGH_S)
    await places.close()


async def test_an_endpoint_that_is_away_is_set_aside_and_comes_back(probe: Probed) -> None:
    places = Fleet(["a", "b"], 4, True, probe, 1.0)
    probe.down["a"] = AWAY
    taken = [await places.enter(), await places.enter()]
    for member in taken:
        places.leave(member, 0.0, AWAY if member.root == "a" else None, answered=member.root == "b")
    assert {(await places.enter()).root for _ in range(4)} == {"b"}
    del probe.down["a"]
    await until(lambda: all(member.well for member in places.members))
    assert (await places.enter()).root == "a"
    assert set(probe.asked) == {"a"}
    await places.close()


async def test_failures_in_a_row_set_aside_and_an_answer_between_does_not(probe: Probed) -> None:
    places = Fleet(["a"], 64, True, probe, 1.0)
    for number in range(3 * FAILURES):
        member = await places.enter()
        places.leave(member, 1.0, None if number % 3 == 0 else FAILED, answered=number % 3 == 0)
    assert member.well
    for _ in range(FAILURES - 2):  # the two that follow the last answer count too
        places.leave(await places.enter(), 1.0, FAILED)
    assert not member.well
    await places.close()


async def test_one_prober_asks_while_all_others_wait(probe: Probed) -> None:
    places = Fleet(["a"], 64, True, probe, 5.0)
    probe.down["a"] = AWAY
    places.leave(await places.enter(), 0.0, AWAY)
    waiting = [asyncio.create_task(places.enter()) for _ in range(500)]
    await asyncio.sleep(0.1)
    assert len(probe.asked) <= 12
    del probe.down["a"]
    await until(lambda: sum(task.done() for task in waiting) == 64)
    await places.close()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_an_outage_ends_all_who_wait_and_begins_anew(probe: Probed) -> None:
    places = Fleet(["a", "b"], 4, True, probe, 0.1)
    probe.down |= {"a": AWAY, "b": AWAY}
    taken = [await places.enter(), await places.enter()]
    for member in taken:
        places.leave(member, 0.0, AWAY)
    ends = await asyncio.gather(*(places.enter() for _ in range(20)), return_exceptions=True)
    assert all("run the same command again" in str(end) for end in ends)
    probe.down.clear()
    assert (await asyncio.wait_for(places.enter(), ENOUGH_S)).well
    await places.close()


async def test_a_wrong_key_at_one_of_two_does_not_stop_the_run(probe: Probed) -> None:
    places = Fleet(["a", "b"], 4, True, probe, 0.1)
    probe.down["a"] = ModelServerError("access denied")
    first = await places.enter()
    assert first.root == "a"
    places.set_aside(first)
    await asyncio.sleep(0.1)
    assert (await places.enter()).root == "b"
    await places.close()


async def test_alone_means_alone_one_after_the_other_and_others_go_on_elsewhere(probe: Probed) -> None:
    places = Fleet(["a", "b"], 4, True, probe, 1.0)
    taken = [await places.enter() for _ in range(3)]
    entered: list[str] = []
    release = asyncio.Event()

    async def alone(name: str) -> None:
        async with places.alone() as member:
            assert member.outstanding == 1
            entered.append(name)
            await release.wait()
            assert member.outstanding == 1
            places.leave(member, 0.0, None, answered=True)

    seeking = [asyncio.create_task(alone(name)) for name in ("first", "second")]
    await asyncio.sleep(0.01)
    (busy,) = {member.root for member in taken if sum(other is member for other in taken) == 2}
    assert not entered
    assert {(await places.enter()).root for _ in range(2)} == {busy}
    (single,) = (member for member in taken if member.root != busy)
    places.leave(single, 0.0, None, answered=True)
    waiting = asyncio.create_task(places.enter())
    await asyncio.sleep(0.01)
    assert entered == ["first"] and not waiting.done()
    release.set()
    await asyncio.gather(*seeking)
    assert entered == ["first", "second"]
    assert await waiting is single
    await places.close()


async def test_who_is_alone_does_not_meet_the_death_of_the_one_before(probe: Probed) -> None:
    """A dying server accepts a connection after it broke the last one: it must give a sign of life first."""
    lost = Trouble(Kind.LOST, "the connection broke")
    places = Fleet(["a"], 8, True, probe, 1.0)
    crowd = [await places.enter() for _ in range(2)]
    entered: list[Member] = []

    async def alone() -> None:
        async with places.alone() as member:
            entered.append(member)

    seeking = asyncio.create_task(alone())
    await asyncio.sleep(0)
    probe.down["a"] = AWAY
    places.leave(crowd[0], time.monotonic(), None, answered=True)
    places.leave(crowd[1], time.monotonic(), lost)
    await until(lambda: len(probe.asked) > 2)
    assert not entered
    assert len(places.members[0].deaths) == 1
    del probe.down["a"]
    await seeking
    assert entered == places.members
    await places.close()


async def test_a_sign_of_life_from_before_the_break_vouches_for_nothing(probe: Probed) -> None:
    places = Fleet(["a"], 8, True, probe, 1.0)
    (member,) = places.members
    open_here = await places.enter()
    examining = asyncio.create_task(places.examine(member))
    while not probe.asked:
        await asyncio.sleep(0)
    assert not examining.done()
    places.leave(open_here, time.monotonic(), FAILED)
    async with places.alone():
        assert probe.asked == ["a", "a"]
    assert await examining is None
    await places.close()


async def test_who_seeks_to_be_alone_hears_of_the_outage_and_gives_its_place_back_when_cancelled(probe: Probed) -> None:
    places = Fleet(["a"], 4, True, probe, 0.1)

    async def alone() -> None:
        async with places.alone():
            await asyncio.sleep(60)

    holder = await places.enter()
    seeking = asyncio.create_task(alone())
    await asyncio.sleep(0.01)
    waiting = asyncio.create_task(places.enter())
    await asyncio.sleep(0.01)
    assert not waiting.done()
    places.leave(holder, 0.0, None, answered=True)
    seeking.cancel()
    assert await waiting is holder
    assert holder.outstanding == 1
    probe.down["a"] = AWAY
    seeking = asyncio.create_task(alone())
    await asyncio.sleep(0.01)
    places.leave(holder, 0.0, AWAY)
    with pytest.raises(ModelServerError, match="run the same command again"):
        await seeking
    await places.close()
