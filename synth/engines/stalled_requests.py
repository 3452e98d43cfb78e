"""Requests that a server has forgotten: asked again long before the time limit, which has to suit the longest answer.

A request is stalled when it has taken three times as long as its server, at the worst pace of late, needs to write all
that the request may have, and, which keeps a server that is only slow out of it, as many requests that were sent after it have
been answered as were open when it was sent. Where nothing else is open, the first is enough, with more patience.

It stays because without it each such request holds its shard, and the night's end, for `timeout_s`, 600 s by default
(`test_a_request_that_was_forgotten_is_asked_again_long_before_the_limit`).

Only the first try is given up like that. The second has the whole limit, so that nothing that merely takes long is refused.
"""

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from itertools import islice

from synth.engines.base import Answer
from synth.engines.member import Member

SWEEP_S = 1.0
FACTOR = 3.0
"""How many times the worst pace of late a request may take."""
FLOOR_S = 10.0
"""No request is stalled sooner."""
QUIET_FLOOR_S = 30.0
"""The same where nothing that is open gets on."""
LATE_ANSWERS = 128
"""Answers that the pace is read from; with fewer than a quarter of them there is none yet."""
FEW_TOKENS = 16
"""An answer shorter than this took its time for other reasons than its length."""


@dataclass(slots=True, eq=False)
class Try:
    """One try that is open.

    Attributes:
        book: The book of its endpoint.
        number: Its place among all that were sent there.
        sent: When.
        tokens: The most it may write.
        among: How many were open there then.
        scope: Ends the wait when rescheduled; None for a try that may take the whole limit.
        stalled: Whether it was given up.
    """

    book: "_Book"
    number: int
    sent: float
    tokens: int
    among: int
    scope: asyncio.Timeout | None
    stalled: bool = False


@dataclass(slots=True)
class _Book:
    """What is open at one endpoint, and its last answers: number, seconds per token."""

    sent: int = 0
    open: dict[Try, None] = field(default_factory=dict)
    answers: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=4096))

    @property
    def pace(self) -> float | None:
        """Seconds per token at worst, of late."""
        late = [pace for _, pace in islice(reversed(self.answers), LATE_ANSWERS)]
        return max(late) if len(late) >= LATE_ANSWERS // 4 else None

    def find(self, clock: float) -> list[Try]:
        """Tries to give up."""
        pace = self.pace
        if pace is None:
            return []
        late = [attempt for attempt in self.open if clock - attempt.sent > max(FLOOR_S, FACTOR * pace * attempt.tokens)]
        quiet = len(late) == len(self.open)
        return [
            attempt
            for attempt in late
            if attempt.scope is not None
            and ((quiet and clock - attempt.sent > QUIET_FLOOR_S) or self.overtaken(attempt) >= max(32, attempt.among))
        ]

    def overtaken(self, attempt: Try) -> int:
        """How many that were sent after it have been answered (as far back as is remembered)."""
        return sum(number > attempt.number for number, _ in self.answers)


class StalledRequests:
    """Watches over the open tries of one engine; belongs to one event loop."""

    def __init__(self) -> None:
        self._books: dict[Member, _Book] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, member: Member, tokens: int, scope: asyncio.Timeout | None) -> Try:
        """Write down a try that is about to be sent."""
        book = self._books.setdefault(member, _Book())
        book.sent += 1
        attempt = Try(book, book.sent, time.monotonic(), tokens, len(book.open), scope)
        book.open[attempt] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep)
        return attempt

    def end(self, attempt: Try, answer: Answer | None) -> None:
        """Write down that it is over."""
        book = attempt.book
        book.open.pop(attempt, None)
        if answer is not None and answer.completion_tokens:
            book.answers.append((attempt.number, answer.seconds / max(FEW_TOKENS, answer.completion_tokens)))

    def stop(self) -> None:
        """End the watch."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _sweep(self) -> None:
        clock = time.monotonic()
        for book in self._books.values():
            for attempt in book.find(clock):
                assert attempt.scope is not None
                attempt.stalled = True
                attempt.scope.reschedule(0)
        going_on = any(book.open for book in self._books.values())
        self._timer = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep) if going_on else None
