"""How many requests one endpoint gets at once: a slow start, then judged by windows, never by a single refusal.

The start doubles by time and not by answers: an answer may take minutes, a refusal comes at once. A window is one round
of answers; it is held against the endpoint only when a good part of it was refused as too busy. Where nobody gives a number, vLLM
tells how many requests wait in its queue: a queue that is longer than it needs to stay full is taken back.

It stays because a limit that is cut at any refusal or time-out was measured to fall to 28 requests in flight at a server that
would have taken all (`test_a_single_refusal_cuts_nothing`), and no limit at all floods a server that refuses.
"""

import re
from collections import deque

START = 32
"""Requests at once at first, and after an outage."""
RAMP_S = 0.05
"""The slow start doubles after each of these: time enough for a refusal to come back, a quarter of a second to a thousand."""
UNKNOWN = 64
"""Ceiling where no number was given and the server tells none."""
SMALLEST_WINDOW = 32
BUSY_SHARE = 0.2
"""Share of a window that may be refused as too busy before the limit is cut."""
LOOKS = 3
"""Looks at the server's queue that must all find it too long: answers of equal length end together, and for a moment
all that follows them waits."""
CUT = 0.7
GROWTH = 0.25

_GAUGE = re.compile(rb"^vllm:num_requests_(running|waiting)(?:\{[^}]*\})? ([0-9.eE+]+)\s*$", re.M)


class Limit:
    """The number of requests an endpoint may have open.

    Args:
        cap: Never more than this.
        known: Whether somebody has asked for the cap; if not, it is reached only when the server tells its queue.

    Attributes:
        now: The limit now.
    """

    def __init__(self, cap: int, *, known: bool = True) -> None:
        self.cap = cap
        self.known = known
        self._ceiling = cap if known else min(cap, UNKNOWN)
        self._surplus: deque[int] = deque(maxlen=LOOKS)
        self.restart()

    @property
    def ramping(self) -> bool:
        """Whether the slow start goes on."""
        return self._cut_at is None and self.now < self._ceiling

    def restart(self) -> None:
        """Begin the slow start again, after an outage."""
        self.now = min(START, self._ceiling)
        self._cut_at: float | None = None
        self._seen = self._busy = 0

    def ramp(self) -> None:
        """Another step of the slow start: nothing has spoken against the last one."""
        if self.ramping:
            self.now = min(self._ceiling, 2 * self.now)

    def judge(self, began: float, clock: float, *, busy: bool) -> None:
        """Take one outcome into the window.

        Args:
            began: When the request was sent; one from before the last cut says nothing about the limit of now.
            clock: The time now, of the same clock.
            busy: Whether it was refused as too busy.
        """
        if self._cut_at is not None and began < self._cut_at:
            return
        self._seen += 1
        self._busy += busy
        window = max(SMALLEST_WINDOW, self.now)
        if self._busy > window * BUSY_SHARE:
            self.now = max(1, int(self.now * CUT))
            self._cut_at = clock
        elif self._seen < window:
            return
        elif self._cut_at is not None:
            self.now = min(self._ceiling, self.now + max(1, int(self.now * GROWTH)))
        self._seen = self._busy = 0

    def told_queue(self, running: int, waiting: int, outstanding: int) -> None:
        """Take in what the server says of itself.

        Args:
            running: Requests it works on.
            waiting: Requests in its queue; a quarter of the running ones keeps it full.
            outstanding: Our own requests there; others may be its guests too.
        """
        self._surplus.append(waiting - max(8, running // 4))
        surplus = min(self._surplus)
        if surplus > 0 and outstanding and len(self._surplus) == LOOKS:
            self._ceiling = max(min(START, self.cap), min(self._ceiling, outstanding) - surplus)
            self.now = min(self.now, self._ceiling)
            self._surplus.clear()
        elif waiting == 0:
            self._ceiling = min(self.cap, max(self._ceiling, 2 * running + UNKNOWN))


def read_queue(metrics: bytes) -> tuple[int, int] | None:
    """Requests running and waiting by vLLM's `/metrics`, its engines added up; None when it is no vLLM."""
    counts = {b"running": 0, b"waiting": 0}
    gauges = _GAUGE.findall(metrics)
    for name, value in gauges:
        counts[name] += int(float(value))
    return (counts[b"running"], counts[b"waiting"]) if gauges else None
