"""How much memory a process and those it started need at most, each page counted once."""

import threading
from pathlib import Path
from typing import Self

import psutil

_EVERY_S = 0.25


class MemoryPeak:
    """Looks at the memory of this process and its descendants, four times a second, while its body runs.

    Attributes:
        pss_mb: Largest sum of proportional set sizes, MiB: a page that several processes share is counted once in all, mapped
            files included. This is the memory that is needed.
        rss_mb: Largest sum of resident set sizes, MiB: what is shared is counted in each process.
        own_mb: Largest resident set size of this process.
        workers_mb: Largest sum of those of the others.
    """

    def __init__(self) -> None:
        self.pss_mb = self.rss_mb = self.own_mb = self.workers_mb = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def figures(self) -> dict[str, int]:
        """Return the peaks, rounded."""
        names = ("pss_mb", "rss_mb", "own_mb", "workers_mb")
        return {name: round(getattr(self, name)) for name in names}

    def _watch(self) -> None:
        own = psutil.Process()
        while True:
            rss, pss = _sizes(own.pid)
            others = [_sizes(child.pid) for child in own.children(recursive=True)]
            workers = sum(size for size, _ in others)
            self.own_mb, self.workers_mb = max(self.own_mb, rss), max(self.workers_mb, workers)
            self.rss_mb = max(self.rss_mb, rss + workers)
            self.pss_mb = max(self.pss_mb, pss + sum(size for _, size in others))
            if self._over.wait(_EVERY_S):
                return


def _sizes(pid: int) -> tuple[float, float]:
    """Resident and proportional set size of a process in MiB; nothing of one that has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0, 0.0
    sizes = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines[1:]}
    return sizes.get("Rss", 0.0), sizes.get("Pss", 0.0)
