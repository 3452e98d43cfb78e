"""Where a piece of work runs that many processes can share: here, in processes of this machine, or where a caller knows better.

A piece of work is a function of a module with arguments that can be pickled; what it makes it writes to files, whole or not at
all, so that a piece that is done need not be done again after a kill.
"""

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from itertools import islice
from typing import Any, TypeVar

T = TypeVar("T")

Spread = Callable[[Callable[..., Any], Sequence[tuple[Any, ...]]], Iterator[Any]]
"""Calls a function once for each tuple of arguments and yields the results in this order."""


def here(work: Callable[..., T], arguments: Sequence[tuple[Any, ...]]) -> Iterator[T]:
    """Call a function with one tuple of arguments after the other, in this process."""
    return (work(*given) for given in arguments)


def in_processes(work: Callable[..., T], arguments: Sequence[tuple[Any, ...]]) -> Iterator[T]:
    """Call a function in as many processes as there are processors; a single piece of work stays here.

    No more is begun than a few pieces ahead of what was taken.
    """
    count = min(len(arguments), len(os.sched_getaffinity(0)))
    if count < 2:
        yield from here(work, arguments)
        return
    waiting = iter(arguments)
    with ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn")) as pool:
        begun = deque(pool.submit(work, *given) for given in islice(waiting, 2 * count))
        while begun:
            yield begun.popleft().result()
            begun.extend(pool.submit(work, *given) for given in islice(waiting, 1))


def ahead(items: Iterable[T]) -> Generator[T, None, None]:
    """Yield items, of which the next one is made in a thread while one is used: for what lets go of Python's lock meanwhile.

    A generator that is given is closed with this one.
    """
    waiting, none_left = iter(items), object()
    try:
        with ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
            coming = thread.submit(next, waiting, none_left)
            while (item := coming.result()) is not none_left:
                coming = thread.submit(next, waiting, none_left)
                yield item  # type: ignore[misc]
    finally:
        if isinstance(waiting, Generator):
            waiting.close()
