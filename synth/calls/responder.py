"""Any engine, asked like the sampler: a list of chats in, a list of generations out. For evaluation, outside of nights."""

import asyncio
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Literal, Protocol, TypeVar

from storage.ids import seed_from
from storage.ledger.ledger import Ledger
from storage.messages import Message
from synth.calls.ask import Asker, Reply
from synth.calls.prompting import Prompts
from synth.engines.base import Answer, Engine, Request, RequestRefused, Sampling
from synth.engines.sampler import Generation
from synth.environments.playing import run_once
from synth.problems.base import Problem
from synth.tools.base import Tool
from synth.tools.calls import ToolCall

Value = TypeVar("Value")
Chat = Sequence[Message]
_NOBODY = Problem("", "", "", "", "")
EVALUATION = "evaluation"
"""The role of evaluated models in the ledger."""


class Responder(Protocol):
    """Who answers many chats at once. The in-process `Sampler` is one, `EngineResponder` makes one of any engine."""

    def generate(
        self,
        conversations: Sequence[Chat],
        *,
        temperature: float,
        max_tokens: int,
        top_p: float = 1.0,
        top_k: int = 0,
        min_p: float = 0.0,
        body: str | None = None,
        seed: int | Sequence[int] = 0,
    ) -> list[Generation]:
        """Answer each conversation once, in order; arguments as for `Sampler.generate`."""
        ...


class EngineResponder:
    """Asks an engine. Use it as a context manager, which closes the engine.

    The engine lives on a loop and a thread of its own, so it can be asked from inside another loop. What the engine refuses
    comes back as a generation with the finish reason `error`. With a ledger, an answer that was ever given is not asked
    for again: a sampled one is known by its seed.

    Args:
        engine: The engine; it must not read problems.
        ledger: Where finished calls are; None keeps none.
        night: On whose account calls are put that have to be made.
    """

    def __init__(self, engine: Engine, ledger: Ledger | None = None, night: str = "") -> None:
        self._engine = engine
        self._asker = Asker(ledger, {EVALUATION: engine}, Prompts(), night=night) if ledger else None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="responder")
        self._loop = asyncio.new_event_loop()
        self._at_work: asyncio.Task[Any] | None = None
        self._stopped = False

    def generate(
        self,
        conversations: Sequence[Chat],
        *,
        temperature: float,
        max_tokens: int,
        top_p: float = 1.0,
        top_k: int = 0,
        min_p: float = 0.0,
        body: str | None = None,
        seed: int | Sequence[int] = 0,
    ) -> list[Generation]:
        """Answer each conversation once, in order.

        Raises:
            ModelServerError: The engine cannot be reached or failed.
        """
        seeds = [seed_from(seed, i) for i in range(len(conversations))] if isinstance(seed, int) else list(seed)
        cut = {"top_k": top_k or None, "min_p": min_p or None}
        sampling = Sampling(temperature=temperature, max_tokens=max_tokens, top_p=top_p, body=body, **cut)  # type: ignore[arg-type]
        requests = [
            Request(tuple(chat), sampling, own, "evaluate", _NOBODY)
            for chat, own in zip(conversations, seeds, strict=True)
        ]
        answers: list[Generation] = self._run(self._all(requests))
        return answers

    async def _all(self, requests: Sequence[Request]) -> list[Generation]:
        slots = asyncio.Semaphore(self._engine.concurrency)

        async def one(request: Request) -> Generation:
            async with slots:
                try:
                    return _generation(await self._answer(request))
                except RequestRefused as refused:
                    return Generation("", "error", 0, 0, f"{refused.reason}: {refused}")

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(request)) for request in requests]
        return [task.result() for task in tasks]

    def run_tool(self, tool: Tool, call: ToolCall) -> str:
        """Run a call of a tool; with a ledger, one that ever ran is found there.

        Raises:
            SandboxError: The tool needs a sandbox, and there is none.
        """
        if self._asker is None:
            return run_once(tool, call)
        return self._wait(self._asker.run_tool(tool, call)).text

    async def _answer(self, request: Request) -> Answer | Reply:
        if self._asker is None:
            return await self._engine.answer(request)
        sample = "evaluate" if request.sampling.temperature == 0 else f"evaluate/{request.seed}"
        return await self._asker.put(EVALUATION, request, sample)

    def _run(self, work: Coroutine[Any, Any, list[Generation]]) -> list[Generation]:
        try:
            return self._wait(work)
        except BaseExceptionGroup as failed:  # the first failure says it; the other requests met the same server
            raise failed.exceptions[0] from None

    def _wait(self, work: Coroutine[Any, Any, Value]) -> Value:
        """Run a coroutine on the loop and wait for it; whoever is made to stop waiting, by Ctrl-C, stops what it waits for."""

        async def watched() -> Value:
            self._at_work = asyncio.current_task()
            try:
                if self._stopped:  # before it began
                    raise asyncio.CancelledError
                return await work
            finally:
                self._at_work = None

        done, self._stopped = None, False
        try:
            done = self._thread.submit(self._loop.run_until_complete, watched())
            return done.result()
        except BaseException:
            if done is None or not done.done():  # else it is what the coroutine raised
                self._loop.call_soon_threadsafe(self._stop)
            raise

    def _stop(self) -> None:
        self._stopped = True
        if self._at_work is not None:
            self._at_work.cancel()

    def close(self) -> None:
        """Close the engine and its thread."""
        self._thread.submit(self._loop.run_until_complete, self._engine.close()).result()
        self._thread.submit(self._loop.close).result()
        self._thread.shutdown()

    def __enter__(self) -> "EngineResponder":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()


def _generation(answer: Answer | Reply) -> Generation:
    complete = answer.complete if isinstance(answer, Reply) else answer.finish_reason == "stop"
    reason: Literal["stop", "length"] = "stop" if complete else "length"
    return Generation(answer.text, reason, answer.prompt_tokens, answer.completion_tokens)
