"""Waiting for what other processes do."""

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")


def wait_for(probe: Callable[[], Value], limit_s: float, awaited: str = "it", pause_s: float = 0.2) -> Value:
    """Return the first true value of a probe.

    Args:
        probe: Looks whether it is there; what it raises ends the wait.
        limit_s: How long to wait at most.
        awaited: Names it in the error.
        pause_s: Between two looks.

    Raises:
        TimeoutError: It did not come in time.
    """
    deadline = time.monotonic() + limit_s
    while not (value := probe()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{awaited}: not within {limit_s:.0f} s")
        time.sleep(pause_s)
    return value
