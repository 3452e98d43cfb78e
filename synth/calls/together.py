"""Several questions at once."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

from synth.calls.ask import Reply
from synth.engines.base import RequestRefused

T = TypeVar("T")


async def at_once(calls: Iterable[Awaitable[T]]) -> list[T]:
    """Wait for several things at once; what they come to is in the order of asking.

    Raises:
        Exception: What the first of them that failed raised; the others are given up.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_wait(call)) for call in calls]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


async def together(calls: Iterable[Awaitable[Reply]]) -> list[Reply]:
    """Ask several things at once; the answers are in the order of asking.

    Raises:
        Exception: What the first of them that failed raised; the others are given up.
    """
    return await at_once(calls)


async def readable(calls: Iterable[Awaitable[Reply]]) -> list[Reply | None]:
    """Ask several things at once by a schema, in order; None where a reply does not follow its schema.

    Raises:
        Exception: Anything else that the first of them that failed raised.
    """
    return await at_once(_readable(call) for call in calls)


async def _wait(call: Awaitable[T]) -> T:
    return await call


async def _readable(call: Awaitable[Reply]) -> Reply | None:
    try:
        return await call
    except RequestRefused as error:
        if error.reason != "schema_violation":
            raise
        return None
