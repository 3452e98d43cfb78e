"""The in-process engine: a small local checkpoint, answered in batches by one thread."""

import asyncio
import json
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from storage.errors import ModelServerError, NightschoolError
from synth.engines.base import Answer, Request, RequestRefused, Sampling

if TYPE_CHECKING:
    from synth.engines.sampler import Generation, Sampler

_GATHER_S = 0.02


class Transformers:
    """Gathers the requests that are open at the moment and answers them as one batch.

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
        self._checkpoint = checkpoint
        self._sampler: Sampler | None = None
        self._waiting: list[tuple[Request, asyncio.Future[Answer]]] = []
        self._worker: asyncio.Task[None] | None = None

    async def answer(self, request: Request) -> Answer:
        """Answer a request together with its neighbours.

        Raises:
            RequestRefused: The prompt is longer than the model's context.
            ModelServerError: The model could not be loaded or failed.
        """
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, future))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        while self._waiting:
            await asyncio.sleep(_GATHER_S)
            batch, self._waiting = self._waiting, []
            alike: dict[Sampling, list[tuple[Request, asyncio.Future[Answer]]]] = defaultdict(list)
            for request, future in batch:
                alike[request.sampling].append((request, future))
            for sampling, members in alike.items():
                try:
                    generations = await asyncio.to_thread(self._generate, sampling, [request for request, _ in members])
                except Exception as error:
                    failure = error if isinstance(error, NightschoolError) else ModelServerError(
                        f"{self._checkpoint} failed to generate: {type(error).__name__}: {error}"
                    )  # fmt: skip
                    for _, future in members:
                        if not future.done():
                            future.set_exception(failure)
                    continue
                for (_, future), generation in zip(members, generations, strict=True):
                    if not future.done():
                        _settle(future, generation)

    def _generate(self, sampling: Sampling, requests: list[Request]) -> "list[Generation]":
        if self._sampler is None:
            from synth.engines.sampler import Sampler

            self._sampler = Sampler(self._checkpoint)
        return self._sampler.generate(
            [request.messages for request in requests],
            temperature=sampling.temperature,
            max_tokens=sampling.max_tokens,
            top_p=sampling.top_p,
            top_k=sampling.top_k or 0,
            min_p=sampling.min_p or 0.0,
            template=json.loads(sampling.body or "{}").get("chat_template_kwargs", {}),
            stop=sampling.stop,
            seed=[request.seed for request in requests],
        )

    async def close(self) -> None:
        """Let go of the model's memory."""
        if self._worker is not None:
            await asyncio.gather(self._worker, return_exceptions=True)
        self._sampler = None


def _settle(future: asyncio.Future[Answer], generation: "Generation") -> None:
    if generation.finish_reason == "error":
        reason, _, detail = (generation.error or "unanswerable").partition(": ")
        future.set_exception(RequestRefused(reason, detail or reason))
    else:
        future.set_result(
            Answer(generation.text, generation.finish_reason, generation.prompt_tokens, generation.completion_tokens)
        )
