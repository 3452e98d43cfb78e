"""Slots: how many requests an engine has open at once."""

import asyncio
from collections import deque

from synth.engines.base import Engine


class Slots:
    """As many slots as the engine wants requests open, first come first served; it may come to want more while it runs.

    asyncio's semaphore looks at every waiter that was woken and has not run yet: 20 us a call when answers come in bursts.

    Args:
        engine: Whose `concurrency` counts.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._open = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def __aenter__(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._admit()
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # the slot was given before the cancellation came
                await self.__aexit__()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._open -= 1
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self._open < self._engine.concurrency:
            turn = self._waiting.popleft()
            if not turn.done():
                self._open += 1
                turn.set_result(None)
