"""The durable call: look in the ledger, else claim the question, ask the engine, record durably, then use.

An answer that cannot be used (cut by the context, withheld, no text) was paid for: it is recorded with its reason under a key of
this night, counts like any other, and is not asked for again before another night asks.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace

from storage.lake.tombstones import REASON
from storage.ledger.ledger import Call, Ledger
from synth.calls.budget import GRACE_S, Meter, counted
from synth.calls.keys import refusal_key, sampling_params
from synth.calls.slots import Slots
from synth.calls.thoughts import part
from synth.engines.base import Answer, Engine, Request, RequestRefused


@dataclass(frozen=True, slots=True)
class Question:
    """A call that has to be found or made.

    Attributes:
        key: Its content key.
        role: Who is asked.
        engine: That of the role.
        request: What is asked.
        sample: Explicit sample number.
        method: On whose account the call is put when it has to be made.
        opens_thoughts: Whether the model's chat template has written the opening tag of its thoughts.
    """

    key: str
    role: str
    engine: Engine
    request: Request
    sample: str
    method: str | None
    opens_thoughts: bool = False


def clean(text: str) -> str:
    """Replace what no file or table can hold (lone surrogates, NUL) by U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")


class DurableCalls:
    """Finds or makes the calls of one night, each once, however many coroutines and processes ask the same.

    Args:
        ledger: Where finished calls are.
        night: Logical date.
        meter: What the night may spend.

    Attributes:
        made: Calls that engines were asked.
        found: Calls that the ledger knew.
    """

    def __init__(self, ledger: Ledger, night: str, meter: Meter) -> None:
        self._ledger, self._night, self._meter = ledger, night, meter
        self._open: dict[str, asyncio.Future[Call]] = {}
        self._slots: dict[int, Slots] = {}
        self.made = 0
        self.found = 0

    async def find_or_make(self, question: Question) -> Call:
        """Return the call from the ledger, or make and record it; who asks the same meanwhile waits for the same answer.

        Raises:
            RequestRefused: The engine will never answer this request.
            ModelServerError: The engine cannot be reached.
            BudgetError: The budget has no room for this call.
            LakeError: The answer cannot be recorded, and so is not used.
        """
        while (waiting := self._open.get(question.key)) is not None:
            with suppress(_AbandonedError):
                return await asyncio.shield(waiting)
        return await self._share(question)

    async def _share(self, question: Question) -> Call:
        """Find or make a call in the name of every coroutine of this process that asks the same meanwhile."""
        future: asyncio.Future[Call] = asyncio.get_running_loop().create_future()
        self._open[question.key] = future
        try:
            call = await self._before_deadline(question)
            future.set_result(call)
            return call
        except BaseException as error:
            future.set_exception(error if isinstance(error, Exception) else _AbandonedError())
            future.exception()  # it may have no other listener
            raise
        finally:
            del self._open[question.key]

    async def _before_deadline(self, question: Question) -> Call:
        """Find or make a call, but begin nothing after the deadline, and give up what takes much longer."""
        left = self._meter.seconds_left()
        if left is None:
            return await self._claim_or_wait(question)
        if left == 0 and (recorded := self._ledger.find(question.key)) is not None:
            self.found += 1
            return recorded
        if left == 0:
            self._refuse_known(question)
        self._meter.check_time()
        try:
            async with asyncio.timeout(left + GRACE_S):
                return await self._claim_or_wait(question)
        except TimeoutError:
            raise self._meter.late() from None

    async def _claim_or_wait(self, question: Question) -> Call:
        """Make a call that is not in the ledger and that no other process is making; else take theirs."""
        recorded = await self._ledger.claim(question.key)
        if recorded is not None:
            self.found += 1
            return recorded
        try:
            self._refuse_known(question)
            call, refused = await self._ask_engine(question)
            call = await self._ledger.record(call)
            self.made += 1
            if refused is not None:
                raise refused
        except BaseException:
            self._ledger.release(question.key)
            raise
        return call

    def _refuse_known(self, question: Question) -> None:
        """Refuse what was taken down, and what this night has paid for and could not use.

        Raises:
            RequestRefused: With the reason of then.
        """
        paid = refusal_key(question.key, self._night)
        if self._ledger.is_gone(question.key, paid):
            raise RequestRefused(REASON, f"call {question.key} was taken down and is not asked again")
        refusal = self._ledger.find(paid)
        if refusal is not None:
            self.found += 1
            raise RequestRefused(refusal.finish_reason, str(refusal.sampling.get("refused", "")))

    async def _ask_engine(self, question: Question) -> tuple[Call, RequestRefused | None]:
        """Ask the engine; return what is to be recorded and, where it was paid for and cannot be used, why.

        Raises:
            RequestRefused: Nothing was written and nothing is to be paid.
        """
        engine, refused = question.engine, None

        def on_lost_try() -> None:
            self._ledger.count_lost_try(self._night)
            self._meter.lose_try()

        request = replace(question.request, on_lost_try=on_lost_try)
        async with self._slots.setdefault(id(engine), Slots(engine)):
            reserved = self._meter.reserve(question.role, request)
            try:
                answer = await engine.answer(request)
            except RequestRefused as error:
                if error.paid is None:
                    self._meter.settle(reserved, None)
                    raise
                answer, refused = error.paid, error
            except BaseException:
                self._meter.settle(reserved, None)
                raise
            answer = counted(request, answer)
            return self._as_call(question, answer, self._meter.settle(reserved, answer), refused), refused

    def _as_call(self, question: Question, answer: Answer, cost: float, refused: RequestRefused | None) -> Call:
        request = question.request
        return Call(
            key=question.key if refused is None else refusal_key(question.key, self._night),
            model=question.engine.model,
            role=question.role,
            act=request.act,
            messages=request.messages,
            sampling={
                **sampling_params(request.sampling),
                "seed": request.seed,
                **({} if answer.counted else {"usage": "estimated"}),
                **({} if refused is None else {"refused": clean(str(refused))}),
            },
            sample=question.sample,
            response=clean(answer.text),
            finish_reason=answer.finish_reason if refused is None else refused.reason,
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
            night=self._night,
            method=question.method,
            reasoning=clean(answer.reasoning),
            cached_tokens=answer.cached_tokens,
            seconds=answer.seconds,
            cost=cost,
            thought_tokens=_thought_tokens(question, answer),
        )


def _thought_tokens(question: Question, answer: Answer) -> int:
    """Tokens of thoughts as the server counts them, else by their share of what was written."""
    if answer.thought_tokens is not None:
        return answer.thought_tokens
    if question.engine.reads_problem or question.request.scores:
        return 0
    parted = part(answer.text, opened=question.opens_thoughts, complete=answer.finish_reason == "stop")
    thoughts = len(answer.reasoning) + len(parted.thoughts)
    return round(answer.completion_tokens * thoughts / (thoughts + len(parted.said))) if thoughts else 0


class _AbandonedError(Exception):
    """Whoever asked was cancelled; one of those who wait for the same answer asks in its place."""
