"""Requests that were open at deaths of their server: asked again in ever smaller company, the last time in none."""

import asyncio

import pytest

from synth.engines.base import RequestRefused
from synth.engines.fleet import Fleet
from synth.engines.member import Member
from synth.engines.poison_requests import DEATHS, TRIES, Item, Quarantine
from synth.engines.wire import Kind


async def _well(member: Member) -> None:
    """Say that the endpoint is there."""


@pytest.fixture
def fleet() -> Fleet:
    return Fleet(["a"], 64, True, _well, 1.0)


def lose(item: Item, member: Member, *, died: bool) -> None:
    """Let a try begin and break; the server dies of it, or nobody can tell."""
    clock = float(len(member.deaths))
    item.count(Kind.LOST, member, clock + 0.5, clock + 0.6)
    if died:
        member.deaths.append(clock + 0.7)


def new() -> Item:
    return Item(b"", (), 16, 0.0)


async def test_one_that_is_convicted_was_alone_at_its_last_death(fleet: Fleet) -> None:
    """An innocent one that was open at three deaths is asked where no other request can kill the server under it."""
    (member,) = fleet.members
    quarantine, item = Quarantine(fleet), new()
    for _ in range(2):
        assert quarantine.place(item, None) is None
        lose(item, member, died=True)
    other = await fleet.enter()
    company = quarantine.place(item, None)
    assert company is not None
    async with company as server:
        assert server.outstanding == 2
        fleet.leave(server, 0.0, None)
    lose(item, member, died=True)

    async def last() -> None:
        company = quarantine.place(item, None)
        assert company is not None
        async with company as server:
            assert server.outstanding == 1
            fleet.leave(server, 0.0, None)

    trying = asyncio.create_task(last())
    await asyncio.sleep(0.01)
    assert not trying.done()
    fleet.leave(other, 0.0, None, answered=True)
    await trying
    lose(item, member, died=True)
    assert item.deaths == DEATHS
    with pytest.raises(RequestRefused, match=f"died or broke off {DEATHS} times") as refused:
        quarantine.place(item, None)
    assert refused.value.reason == "kills_server"


async def test_failures_that_no_death_explains_never_stop_the_others_work(fleet: Fleet) -> None:
    (member,) = fleet.members
    quarantine, item = Quarantine(fleet), new()
    for _ in range(TRIES - 1):
        lose(item, member, died=False)
    assert (item.deaths, item.failed) == (0, TRIES - 1)
    other = await fleet.enter()
    company = quarantine.place(item, None)
    assert company is not None
    async with company as server:
        assert server is other and server.outstanding == 2
    assert item.count(Kind.LOST, member, 9.0, 9.0)
