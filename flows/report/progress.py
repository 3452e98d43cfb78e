"""Progress of long work: a bar on a terminal, a plain line now and then elsewhere, on standard error; and the run's page."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

_EVERY_S = 10.0


class Progress:
    """Tells people where a run is.

    Args:
        quiet: Say nothing on standard error.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._terminal = sys.stderr.isatty() and not quiet
        self.seconds: dict[str, float] = {}

    def say(self, text: str) -> None:
        """Write one line, also into the log of the Prefect run that is at work."""
        if not self._quiet:
            print(text, file=sys.stderr, flush=True)  # noqa: T201 - this is the place that prints
        if "prefect" in sys.modules:
            from prefect.exceptions import MissingContextError
            from prefect.logging import get_run_logger

            with suppress(MissingContextError):
                get_run_logger().info(text)

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator["Stage"]:
        """Follow one stage; its seconds are kept in `seconds`.

        Args:
            name: What people see.
            total: Steps it has, when that is known.
        """
        started = time.monotonic()
        stage = _Bar(name, total) if self._terminal else _Lines(self, name, total)
        try:
            with stage:
                yield stage
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - started


class Stage:
    """One stage of work. Override `show`."""

    def __init__(self, name: str, total: int | None) -> None:
        self.name = name
        self.total = total
        self.done = 0

    def advance(self, count: int = 1) -> None:
        """Count steps as done."""
        self.done += count
        self.show()

    def to(self, done: int, total: int | None = None, note: str = "") -> None:
        """Set how much is done, of how much, with a note."""
        self.done = done
        self.total = total or self.total
        self.show(note)

    def show(self, note: str = "") -> None:
        """Bring it before people's eyes."""
        raise TypeError("use Progress.stage")

    def __enter__(self) -> "Stage":
        return self

    def __exit__(self, *_: object) -> None:
        return


class _Bar(Stage):
    def __init__(self, name: str, total: int | None) -> None:
        super().__init__(name, total)
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )
        from rich.progress import Progress as RichProgress

        self._counted = bool(total)
        counted = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        columns = counted if total else (SpinnerColumn(), TimeElapsedColumn())
        self._bar = RichProgress(
            TextColumn("{task.description:<12}"),
            *columns,
            TextColumn("{task.fields[note]}"),
            console=Console(stderr=True),
        )
        self._task: Any = None

    def __enter__(self) -> "Stage":
        self._bar.start()
        self._task = self._bar.add_task(self.name, total=self.total, note="")
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, note: str = "") -> None:
        if not self._counted and self.done:
            note = f"{self.done} of {self.total} {note}" if self.total else f"{self.done} {note}"
        self._bar.update(self._task, completed=self.done, total=self.total, note=note[:60])


class _Lines(Stage):
    def __init__(self, progress: Progress, name: str, total: int | None) -> None:
        super().__init__(name, total)
        self._progress = progress
        self._started = time.monotonic()
        self._shown = self._started

    def show(self, note: str = "") -> None:
        now = time.monotonic()
        if now - self._shown >= _EVERY_S:
            self._shown = now
            self._progress.say(f"{self.name}: {self._count()} {note}".rstrip())

    def _count(self) -> str:
        return f"{self.done}" + (f" of {self.total}" if self.total else "")

    def __exit__(self, *_: object) -> None:
        took = time.monotonic() - self._started
        self._progress.say(f"{self.name}: {self._count() + ', ' if self.done else ''}{took:.1f} s")
