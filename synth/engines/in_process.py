"""Engines that load a checkpoint into this process: the requests that are open at the moment are answered as a batch."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from pathlib import Path

from storage.errors import ModelServerError, NightschoolError
from synth.engines.base import Answer, Request

GATHER_S = 0.02
"""How long requests are gathered before a batch begins."""
Pending = tuple[Request, asyncio.Future[Answer]]


class InProcess(ABC):
    """Gathers open requests and lets a thread answer them together.

    Args:
        checkpoint: Hugging Face folder; it is loaded at the first request, so a night that finds every answer in the
            ledger loads nothing.
        identity: Digest of the checkpoint.
        concurrency: Requests gathered at most.
    """

    reads_problem = False

    def __init__(self, checkpoint: Path, identity: str, concurrency: int = 256) -> None:
        self.model = identity
        self.concurrency = concurrency
        self.checkpoint = checkpoint
        self._pending: list[Pending] = []
        self._worker: asyncio.Task[None] | None = None

    async def answer(self, request: Request) -> Answer:
        """Answer a request together with its neighbours.

        Raises:
            RequestRefused: The prompt is longer than the model's context, or the model does not do what is asked.
            ModelServerError: The model cannot be loaded, or failed.
        """
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._pending.append((request, future))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        while self._pending:
            await asyncio.sleep(GATHER_S)
            batches: dict[Hashable, list[Pending]] = {}
            for request, future in self._pending:
                batches.setdefault(self.alike(request), []).append((request, future))
            self._pending = []
            for batch in batches.values():
                await self._settle(batch)

    async def _settle(self, batch: Sequence[Pending]) -> None:
        """Answer a batch; what fails as a whole fails for each of its requests."""
        answers: Sequence[Answer | Exception]
        try:
            answers = await asyncio.to_thread(self.answer_batch, [request for request, _ in batch])
        except NightschoolError as error:
            answers = [error] * len(batch)
        except Exception as error:
            failure = ModelServerError(f"{self.checkpoint} failed: {type(error).__name__}: {error}")
            answers = [failure] * len(batch)
        for (_, future), answer in zip(batch, answers, strict=True):
            if not future.done():
                future.set_exception(answer) if isinstance(answer, Exception) else future.set_result(answer)

    def alike(self, request: Request) -> Hashable:
        """Return what requests of one batch have in common."""
        return None

    @abstractmethod
    def answer_batch(self, requests: Sequence[Request]) -> Sequence[Answer | Exception]:
        """Answer requests in order, in a thread; an exception in the place of an answer is raised for that request alone."""

    @abstractmethod
    def release(self) -> None:
        """Let go of the model's memory."""

    async def close(self) -> None:
        """Wait for what is at work, and let go of the model's memory."""
        if self._worker is not None:
            await asyncio.gather(self._worker, return_exceptions=True)
        self.release()
