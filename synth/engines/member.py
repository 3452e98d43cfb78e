"""One endpoint of a fleet, and what is known of it."""

import asyncio
import time

from synth.engines.adaptive import Limit
from synth.engines.wire import Trouble


class Member:
    """One endpoint and what is known of it.

    Args:
        root: Its address.
        limit: How many requests it may have open.

    Attributes:
        outstanding: Requests open now.
        well: Whether it is asked; one that is not has a prober.
        answered_at: When it last answered a request.
        vouched_at: When the question of the prober was sent that it answered last.
        looked_at: When it was last asked for its queue; infinite when it tells none.
        broke_at: When it last broke a connection, or failed.
        deaths: When it was found to be gone, once for each time.
    """

    def __init__(self, root: str, limit: Limit) -> None:
        self.root = root
        self.limit = limit
        self.outstanding = 0
        self.well = True
        self.answered_at = self.vouched_at = self.looked_at = self.broke_at = float("-inf")
        self.failures = 0
        self.deaths: list[float] = []
        self._dead = False
        self.examining: asyncio.Task[Trouble | None] | None = None
        self.prober: asyncio.Task[None] | None = None

    @property
    def has_room(self) -> bool:
        """Whether another request may be sent now."""
        return self.well and self.outstanding < self.limit.now

    @property
    def in_doubt(self) -> bool:
        """Whether it has given no sign of life since it last broke a connection: it may be dying."""
        return self.broke_at > self.vouched_at

    def died(self) -> None:
        """Say that it is gone; counts once until it is back."""
        if not self._dead:
            self._dead = True
            self.deaths.append(time.monotonic())

    def revived(self) -> None:
        """Say that it is back."""
        self._dead = False
