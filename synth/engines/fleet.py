"""The endpoints of one role: least outstanding first; one that fails is set aside until a prober finds it well again.

While every endpoint is away the requests wait, and only the probers ask, one per endpoint; after the outage limit the
waiting requests end with one clear sentence. What is asked next begins a new wait.

A request that must be alone at an endpoint (`alone`) gets one to itself as soon as what is open there has ended, and, if
that broke off, the endpoint has given a sign of life since: a dying server accepts connections for a moment longer.
"""

import asyncio
import contextlib
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from storage.errors import ModelServerError
from synth.engines.adaptive import RAMP_S, Limit
from synth.engines.member import Member
from synth.engines.wire import Kind, Trouble

FAILURES = 8
"""Failures in a row, with no answer between them, after which an endpoint is set aside."""
PROBE_S = 0.25
LONGEST_PROBE_S = 5.0
UNSEEN_S = 60.0
"""The outage limit of a fleet that has never given a sign of life: the address is more likely wrong."""
LOOK_S = 2.0
"""How often a busy endpoint is asked for the length of its queue."""

Probe = Callable[[Member], Awaitable[None]]


class Fleet:
    """Lends places at endpoints to requests.

    Args:
        roots: Addresses of the endpoints; all serve the same model.
        cap: Requests open at once at each; None takes what the server tells of its queue.
        cap_known: Whether somebody has asked for the cap (`Limit`).
        probe: Asks an endpoint for a sign of life; raises `Trouble` when there is none, and ModelServerError when
            waiting is of no use.
        outage_s: How long all endpoints may be away.
    """

    def __init__(self, roots: Sequence[str], cap: int, cap_known: bool, probe: Probe, outage_s: float) -> None:
        self.members = [Member(root, Limit(cap, known=cap_known)) for root in dict.fromkeys(roots)]
        self._probe = probe
        self._outage_s = outage_s
        self._waiting: deque[asyncio.Future[Member]] = deque()
        self._one_alone = asyncio.Lock()
        self._seeking = 0
        self._kept: Member | None = None
        self._empty: asyncio.Future[Member] | None = None
        self._dark_since: float | None = None
        self._ramp: asyncio.TimerHandle | None = None

    async def enter(self, avoid: Member | None = None) -> Member:
        """Take a place at the endpoint with the fewest requests, waiting for one if need be.

        Args:
            avoid: Where the request has just failed; taken only if no other endpoint has room.

        Raises:
            ModelServerError: Every endpoint was away for longer than the outage limit.
        """
        if not self._waiting:
            member = self._roomiest(avoid)
            if member is not None:
                member.outstanding += 1
                return member
        slot: asyncio.Future[Member] = asyncio.get_running_loop().create_future()
        self._waiting.append(slot)
        self._watch()
        return await self._given(slot)

    @contextlib.asynccontextmanager
    async def alone(self) -> AsyncIterator[Member]:
        """Take a place at an endpoint where nothing else is open and nothing else begins; others go on elsewhere.

        Those who seek this follow one another, and between two of them the endpoint does not fill again.

        Raises:
            ModelServerError: Every endpoint was away for longer than the outage limit.
        """
        self._seeking += 1
        try:
            async with self._one_alone:
                slot: asyncio.Future[Member] = asyncio.get_running_loop().create_future()
                self._empty = slot
                self._admit()
                self._watch()
                try:
                    yield await self._given(slot)
                finally:
                    if self._empty is slot:
                        self._empty = None
        finally:
            self._seeking -= 1
            if not self._seeking:
                self._kept = None
                self._admit()

    def leave(self, member: Member, began: float, trouble: Trouble | None, *, answered: bool = False) -> None:
        """Give a place back and say what became of the request.

        Args:
            member: Where it was.
            began: When it was sent.
            trouble: What went wrong; None when it was answered, or given up by us.
            answered: Whether an answer came.
        """
        member.outstanding = max(0, member.outstanding - 1)  # after `forget`, late ones were no longer counted
        if trouble is not None or answered:
            clock = time.monotonic()
            busy = trouble is not None and trouble.kind is Kind.BUSY
            member.limit.judge(began, clock, busy=busy)
            if answered:
                member.answered_at = clock
                member.failures = 0
                if not member.well:
                    self._restore(member)
            elif trouble is not None and trouble.kind is Kind.AWAY:
                member.died()
                self.set_aside(member)
            elif trouble is not None and trouble.kind in (Kind.LOST, Kind.FAILED, Kind.SILENT):
                if trouble.kind is not Kind.SILENT:
                    member.broke_at = clock
                member.failures += began > member.vouched_at  # what was sent before the last outage says nothing new
                if member.failures >= FAILURES:
                    self.set_aside(member)
        if self._waiting or self._empty is not None:
            self._admit()

    async def examine(self, member: Member) -> Trouble | None:
        """Ask an endpoint for a sign of life, one question at a time; None when it gives one.

        Raises:
            ModelServerError: Waiting for it is of no use.
        """
        if member.examining is None or member.examining.done():
            member.examining = asyncio.ensure_future(self._examine(member))
            member.examining.add_done_callback(
                lambda done: done.cancelled() or done.exception()
            )  # may have no listener
        return await asyncio.shield(member.examining)

    async def _examine(self, member: Member) -> Trouble | None:
        began = time.monotonic()
        try:
            await self._probe(member)
        except Trouble as trouble:
            if trouble.kind is Kind.AWAY:
                member.died()
            return trouble
        member.revived()
        member.vouched_at = began
        member.failures = 0
        return None

    def set_aside(self, member: Member) -> None:
        """Ask an endpoint nothing more until its prober finds it well."""
        if member.well:
            member.well = False
            self._watch()

    async def close(self) -> None:
        """End the probers; what waits ends with an error. The fleet can be used again, also in another loop."""
        self._fail(ModelServerError("the engine was closed"))
        tasks = [task for member in self.members for task in (member.prober, member.examining) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.forget()

    def forget(self) -> None:
        """Drop what belonged to an event loop that is gone."""
        if self._ramp is not None:
            self._ramp.cancel()
        self._ramp = None
        self._waiting.clear()
        self._one_alone, self._kept, self._empty = asyncio.Lock(), None, None
        self._dark_since = None
        for member in self.members:
            member.prober = member.examining = None
            member.outstanding = 0
            member.well = True

    @property
    def _patience_s(self) -> float:
        seen = any(max(member.answered_at, member.vouched_at) > float("-inf") for member in self.members)
        return self._outage_s if seen else min(self._outage_s, UNSEEN_S)

    async def _given(self, slot: "asyncio.Future[Member]") -> Member:
        """Wait for a place; one that came too late for who was cancelled is given back."""
        try:
            return await slot
        except asyncio.CancelledError:
            if slot.done() and not slot.cancelled() and slot.exception() is None:
                slot.result().outstanding -= 1
                self._admit()
            raise

    def _roomiest(self, avoid: Member | None = None) -> Member | None:
        best: Member | None = None
        for member in self.members:
            if not member.has_room or member is self._kept:
                continue
            if best is None or best is avoid or (member.outstanding < best.outstanding and member is not avoid):
                best = member
        return best

    def _admit(self) -> None:
        if self._empty is not None and not self._empty.done():
            if self._kept is None or not self._kept.well:
                well = [member for member in self.members if member.well]
                self._kept = min(well, key=lambda member: member.outstanding, default=None)
            if self._kept is not None and not self._kept.outstanding:
                if self._kept.in_doubt:
                    self.set_aside(self._kept)
                else:
                    self._kept.outstanding += 1
                    self._empty.set_result(self._kept)
        while self._waiting:
            member = self._roomiest()
            if member is None:
                self._watch()
                return
            slot = self._waiting.popleft()
            if not slot.done():
                member.outstanding += 1
                slot.set_result(member)

    def _watch(self) -> None:
        """See to it that something will wake those who wait: a prober, or the next step of the slow start."""
        for member in self.members:
            if not member.well and (member.prober is None or member.prober.done()):
                if self._dark_since is None and not any(other.well for other in self.members):
                    self._dark_since = time.monotonic()
                member.prober = asyncio.ensure_future(self._look_after(member))
        if (
            self._waiting
            and self._ramp is None
            and any(member.well and member.limit.ramping for member in self.members)
        ):
            self._ramp = asyncio.get_running_loop().call_later(RAMP_S, self._step)

    def _step(self) -> None:
        self._ramp = None
        for member in self.members:
            if member.outstanding >= member.limit.now:
                member.limit.ramp()
        self._admit()

    async def _look_after(self, member: Member) -> None:
        pause = PROBE_S
        try:
            while not member.well:
                trouble = await self.examine(member)
                if trouble is None:
                    if member.in_doubt:  # that question was sent before the last connection broke
                        continue
                    break
                dark = self._dark_since
                if dark is not None and time.monotonic() - dark > self._patience_s:
                    raise ModelServerError(
                        f"model server {member.root}: {trouble} (asked for {self._patience_s:g} s). What was answered "
                        "is kept; see to the server and run the same command again."
                    )
                await asyncio.sleep(pause * random.uniform(0.75, 1.25))
                pause = min(LONGEST_PROBE_S, 1.5 * pause)
        except ModelServerError as error:
            if any(other.well for other in self.members):
                await asyncio.sleep(LONGEST_PROBE_S)  # another endpoint works; this one may be put right meanwhile
                member.prober = None
                self._watch()
            else:
                member.prober = None
                self._dark_since = None
                self._fail(error)
            return
        self._restore(member)

    def _restore(self, member: Member) -> None:
        member.revived()
        if not member.well:
            member.well = True
            member.failures = 0
            member.limit.restart()
        self._dark_since = None
        self._admit()

    def _fail(self, error: ModelServerError) -> None:
        if self._empty is not None and not self._empty.done():
            self._empty.set_exception(ModelServerError(str(error)))
        while self._waiting:
            slot = self._waiting.popleft()
            if not slot.done():
                slot.set_exception(ModelServerError(str(error)))
