"""A wall clock that can be set while programs run (`clock.c`); the machine's own stays."""

import struct
from collections.abc import Mapping
from pathlib import Path

from stress.faults.preload import library

DAY_S = 86_400


class Clock:
    """The clock of programs that are started with its environment.

    Args:
        folder: Where its library and its offset are kept.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "offset"
        self._file.write_bytes(struct.pack("=q", 0))
        self.environment: Mapping[str, str] = {
            "LD_PRELOAD": str(library("clock", folder)),
            "CLOCK_OFFSET": str(self._file),
        }

    def set_days(self, days: float) -> None:
        """Put it so many days forward (or back) of the machine's clock, at once."""
        with self._file.open("r+b") as file:
            file.write(struct.pack("=q", round(days * DAY_S)))
