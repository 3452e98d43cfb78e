"""Requests that were open when a server died: one that kills its server each time is found, and fails alone.

A death says nothing about a single request: everything that was open went down with it. Who was open at two deaths (or met
two failures, which may have been deaths) is asked again among few, then one at a time, beside the others' work. At its last
try an endpoint that has died twice under it has nothing else to do: another request cannot be what it dies of then. After
`DEATHS` deaths it is the request. Those that were only near lose nothing but time.

It stays because without it one prompt ends a night: asked again for ever it takes down every server that is started
(`test_a_request_that_kills_its_server_fails_and_the_rest_goes_on`: of 400 requests 399 are answered).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from storage.errors import NightschoolError
from synth.engines.base import RequestRefused
from synth.engines.fleet import Fleet
from synth.engines.member import Member
from synth.engines.wire import Kind

DEATHS = 4
"""Deaths of a server that one request may be open at; then it has failed: two in the crowd, one among few, one alone."""
FEW = 16
"""Requests open at once of those that were open at two deaths; of those at three, one."""
NEAR_S = 30.0
"""A failure this short before a death was its first sign: engines die first, and what listens for them later."""

TRIES = 5
"""Tries of one request that end in a broken connection or a server error, before the request itself is suspected."""
SILENT_TRIES = 2
"""The same for tries that got no answer in time: a third wait rarely helps."""
BUSY_TRIES = 30
"""The same for tries that were turned away as too busy, which is seldom the request's fault."""


@dataclass(frozen=True, slots=True)
class Loss:
    """A connection that broke, or a server's failure.

    Attributes:
        member: Where.
        number: How often it had died before the try began.
        clock: When.
        broke: Whether the connection broke.
    """

    member: Member
    number: int
    clock: float
    broke: bool

    @property
    def explained(self) -> bool:
        """Whether it was the first sign of a death."""
        deaths = self.member.deaths
        return len(deaths) > self.number and deaths[self.number] - self.clock < NEAR_S


@dataclass(slots=True)
class Item:
    """One request on its way.

    Attributes:
        body: What is sent.
        texts: The prompt's texts, which no error may quote.
        tokens: The most it may write; for a text that is scored, the most it may have.
        began: When it was first asked.
        limit_key: What its body calls the upper bound on its tokens.
        losses: Where and when a connection broke, or a server failed.
        silent: Tries that got no answer in time.
        busy: Tries that were turned away.
        scores: Whether its text is to be scored rather than answered.
        tools: Whether it offers tools.
        plain_tools: Whether its body says that calls come back unparsed.
        on_lost_try: The request's own (`synth.engines.base.Request`).
    """

    body: bytes
    texts: tuple[str, ...]
    tokens: int
    began: float
    limit_key: str = "max_tokens"
    losses: list["Loss"] = field(default_factory=list)
    silent: int = 0
    busy: int = 0
    scores: bool = False
    tools: bool = False
    plain_tools: bool = False
    on_lost_try: Callable[[], None] = field(default=lambda: None)

    def count_lost_try(self) -> None:
        """Count a try that is the last; that there is no room for another, or no room on the disk, changes nothing."""
        with contextlib.suppress(NightschoolError):
            self.on_lost_try()

    def count(self, kind: Kind, member: Member, began: float, clock: float) -> bool:
        """Count a failure of a try that began then; True when the request has used up its tries."""
        if kind in (Kind.LOST, Kind.FAILED):
            number = sum(death < began for death in member.deaths)
            self.losses.append(Loss(member, number, clock, kind is Kind.LOST))
        self.silent += kind is Kind.SILENT
        self.busy += kind is Kind.BUSY
        return self.failed + self.deaths >= TRIES or self.silent >= SILENT_TRIES or self.busy >= BUSY_TRIES

    @property
    def deaths(self) -> int:
        """Deaths that it was open at."""
        return len({(id(loss.member), loss.number) for loss in self.losses if loss.explained})

    @property
    def failed(self) -> int:
        """Failures that no death explains. One death breaks a connection once: what broke again was a death that nobody
        noticed, since a server may be back before anybody knocks.
        """
        unexplained = sum(not loss.explained for loss in self.losses)
        broken = [(id(loss.member), loss.number) for loss in self.losses if loss.explained and loss.broke]
        return unexplained + len(broken) - len(set(broken))

    @property
    def tries(self) -> int:
        """Failures in all."""
        return len(self.losses) + self.silent + self.busy


class Quarantine:
    """Decides in what company requests that were open at deaths are asked again; belongs to one event loop.

    Args:
        fleet: Gives them their places.
    """

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._few_at_once = asyncio.Semaphore(FEW)
        self._one_at_once = asyncio.Semaphore(1)

    def place(self, item: Item, avoid: Member | None) -> contextlib.AbstractAsyncContextManager[Member] | None:
        """Where it is to be asked; None for those that may be asked anywhere.

        Raises:
            RequestRefused: `kills_server`, it was open at too many deaths, and alone at the last one.
        """
        if not item.losses:
            return None
        deaths = item.deaths
        level = deaths + item.failed
        if deaths >= DEATHS or (deaths >= 2 and level >= TRIES):
            raise RequestRefused(
                "kills_server", f"the server died or broke off {level} times while it worked on this request"
            )
        if level < DEATHS - 2:
            return None
        if level == DEATHS - 2:
            return self._among(self._few_at_once, avoid)
        return self._fleet.alone() if deaths >= 2 else self._among(self._one_at_once, avoid)

    @contextlib.asynccontextmanager
    async def _among(self, places: asyncio.Semaphore, avoid: Member | None) -> AsyncIterator[Member]:
        async with places:
            yield await self._fleet.enter(avoid=avoid)
