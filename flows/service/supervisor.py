"""Starts the parts of `nightschool up` and starts again what dies, after pauses that double up to a minute.

Prevents what the soak (`benchmarks/soak.py`) counts: a server or a worker killed with `kill -9` that stays away, so that no
further night runs; and a part that ends `up` itself, or starves the machine, by dying again and again on a full disk.
"""

import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from storage.errors import OrchestratorError

MEMORY_S = 600.0
"""A part that died within so many seconds before is started again after a pause, longer each time."""
LONGEST_PAUSE_S = 60.0
"""That pause at most; it never gives up, since a full disk or a busy machine takes as long as it takes."""


class Supervisor:
    """The parts of a service, by name.

    Args:
        start: Starts a part's process; raises OSError when it cannot.
        ready: Returns when a part just started is of use; raises OrchestratorError when it will not be.
        say: Told a line about each death and each failure to start.
        logs: Where people find a part's log.
        clock: Seconds that never run backwards.
    """

    def __init__(
        self,
        start: Callable[[str], "subprocess.Popen[bytes]"],
        ready: Callable[[str, "subprocess.Popen[bytes]"], None],
        say: Callable[[str], None],
        *,
        logs: Path,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._start, self._ready, self._say, self._logs, self._clock = start, ready, say, logs, clock
        self._parts: dict[str, subprocess.Popen[bytes]] = {}
        self._deaths: dict[str, list[float]] = {}
        self._due: dict[str, float] = {}

    @property
    def parts(self) -> Mapping[str, "subprocess.Popen[bytes]"]:
        """The processes by name, the dead ones too until they are started again."""
        return self._parts

    def start(self, name: str) -> None:
        """Start a part and wait until it is of use.

        Raises:
            OSError: The system refused, on a full disk for example.
            OrchestratorError: It ended at once, or does not answer.
        """
        self._parts[name] = self._start(name)
        self._ready(name, self._parts[name])

    def revive(self) -> bool:
        """Look at every part, start those that died and are due, and return whether one was started."""
        started = False
        for name, part in list(self._parts.items()):
            if part.poll() is None:
                continue
            now = self._clock()
            if name not in self._due:
                self._due[name] = now + self._pause(name, now, part.returncode)
            if now >= self._due[name]:
                started |= self._try(name)
        return started

    def _pause(self, name: str, now: float, code: int) -> float:
        """Return after how long a part that died now is started again: at once the first time."""
        deaths = [moment for moment in self._deaths.get(name, ()) if now - moment < MEMORY_S]
        self._deaths[name] = [*deaths, now]
        pause = min(LONGEST_PAUSE_S, 2.0 ** len(deaths) - 1)
        when = f"in {pause:.0f} s; see {self._logs}" if pause else "now"
        self._say(f"{name} ended with {code}; starting it again {when}")
        return pause

    def _try(self, name: str) -> bool:
        del self._due[name]
        try:
            self.start(name)
        except (OrchestratorError, OSError) as error:  # a death more: the pause before the next try grows
            self._say(f"{name}: {error}")
            return False
        return True
