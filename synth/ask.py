"""The durable ask: look in the ledger, else ask the engine, record durably, then use.

What enters a call's content key, and what does not, is decided here and nowhere else:

* in: the model's identity, the rendered messages, the sampling parameters, the explicit sample number (repetition of the
  attempt and number at the call site), the draw (only when a recipe asks old questions afresh) and, for an engine that
  reads the problem itself (the solver), the act and the problem;
* out: role, engine, endpoint, time-outs, retries, template names, night, batch and order of arrival.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from storage.errors import BudgetError
from storage.ids import digest, seed_from
from storage.ledger import Call, Ledger
from synth.engines.base import Engine, Message, Request, Sampling
from synth.problems.base import Problem
from synth.prompting import Prompts

_WORDS_TO_TOKENS = 1.6
_KEY_VERSION = 1


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as a method sees it.

    Attributes:
        text: The completion.
        call_id: Content key of the call; parents of samples are made of these.
        model: Identity of the model.
        complete: False when the completion was cut at `max_tokens`.
        by_rule: True when a rule-based solver wrote it.
        completion_tokens: Tokens written.
    """

    text: str
    call_id: str
    model: str
    complete: bool
    by_rule: bool
    completion_tokens: int


def call_key(
    engine: Engine,
    messages: tuple[Message, ...],
    sampling: Sampling,
    sample: str,
    *,
    act: str,
    problem: Problem,
    inputs: Mapping[str, Any],
    draw: str | None,
) -> str:
    """Compute the content key of a call (see the module's docstring for what enters it)."""
    read = None
    if engine.reads_problem:
        plain = {name: value for name, value in inputs.items() if name != "problem"}
        read = [act, problem.id, problem.solution, dict(problem.attrs), plain]
    params = {**asdict(sampling), "stop": list(sampling.stop)}
    return digest("call", _KEY_VERSION, engine.model, list(messages), params, sample, draw, read, length=64)


def clean(text: str) -> str:
    """Replace what no file or table can hold (lone surrogates, NUL) by U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")


@dataclass(frozen=True, slots=True)
class Budget:
    """A hard stop. None means no limit.

    Attributes:
        calls: Model calls a night may make.
        tokens: Tokens (read and written) a night may pay for.
        cost: Money a night may cost, in the currency of the prices.
    """

    calls: int | None = None
    tokens: int | None = None
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """Price per million tokens of one role's model.

    Attributes:
        prompt: Per million tokens read.
        completion: Per million tokens written.
    """

    prompt: float = 0.0
    completion: float = 0.0

    def of(self, prompt_tokens: float, completion_tokens: float) -> float:
        """Return what a call of this size costs."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / 1e6


class Asker:
    """Asks on behalf of one night; shared by all of its coroutines.

    Args:
        ledger: Where finished calls are.
        engines: Engine by role.
        prompts: The night's prompts.
        night: Logical date.
        draw: None to accept answers of other nights; else a word that enters every key.
        budget: Hard stop.
        prices: Price by role.
    """

    def __init__(
        self,
        ledger: Ledger,
        engines: Mapping[str, Engine],
        prompts: Prompts,
        *,
        night: str,
        draw: str | None = None,
        budget: Budget | None = None,
        prices: Mapping[str, Price] | None = None,
    ) -> None:
        self.engines = engines
        self.prompts = prompts
        self._ledger = ledger
        self._night = night
        self._draw = draw
        self._budget = budget or Budget()
        self._prices = prices or {}
        spent = ledger.spent(night)
        self._calls = spent.calls
        self._tokens: float = spent.prompt_tokens + spent.completion_tokens
        dearest = max((price.of(1e6, 1e6) for price in self._prices.values()), default=0.0)
        self._cost = self._tokens * dearest / 1e6
        self._open: dict[str, asyncio.Future[Call]] = {}
        self._slots: dict[int, asyncio.Semaphore] = {}
        self.made = 0
        self.found = 0

    async def ask(
        self, role: str, act: str, problem: Problem, inputs: Mapping[str, Any], sampling: Sampling, sample: str
    ) -> Reply:
        """Answer from the ledger, or ask the role's engine and record.

        Raises:
            RequestRefused: The engine will never answer this request.
            ModelServerError: The engine cannot be reached.
            BudgetError: The budget has no room for this call.
        """
        engine = self.engines[role]
        messages = self.prompts.messages(act, {"problem": problem, **inputs})
        key = call_key(engine, messages, sampling, sample, act=act, problem=problem, inputs=inputs, draw=self._draw)
        waiting = self._open.get(key)
        if waiting is not None:
            call = await asyncio.shield(waiting)
        elif (known := self._ledger.find(key)) is not None:
            self.found += 1
            call = known
        else:
            future: asyncio.Future[Call] = asyncio.get_running_loop().create_future()
            future.add_done_callback(lambda done: done.cancelled() or done.exception())  # may have no other listener
            self._open[key] = future
            try:
                request = Request(messages, sampling, seed_from(key), act, problem, inputs)
                call = await self._make(key, role, engine, request, sample)
                future.set_result(call)
            except BaseException as error:
                future.set_exception(
                    error if isinstance(error, Exception) else RuntimeError("the asking was cancelled")
                )
                raise
            finally:
                del self._open[key]
        return Reply(
            call.response,
            call.key,
            call.model,
            call.finish_reason == "stop",
            engine.reads_problem,
            call.completion_tokens,
        )

    async def _make(self, key: str, role: str, engine: Engine, request: Request, sample: str) -> Call:
        slots = self._slots.setdefault(id(engine), asyncio.Semaphore(engine.concurrency))
        async with slots:
            reserved = self._reserve(role, request)
            try:
                answer = await engine.answer(request)
            except BaseException:
                self._settle(role, reserved, (0, 0), 0)
                raise
            self._settle(role, reserved, (answer.prompt_tokens, answer.completion_tokens), 1)
        call = Call(
            key=key,
            model=engine.model,
            role=role,
            act=request.act,
            messages=request.messages,
            sampling={**asdict(request.sampling), "stop": list(request.sampling.stop), "seed": request.seed},
            sample=sample,
            response=clean(answer.text),
            finish_reason=answer.finish_reason,
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
            night=self._night,
        )
        await self._ledger.record(call)
        self.made += 1
        return call

    def _reserve(self, role: str, request: Request) -> tuple[float, float]:
        """Set the most this call can cost aside, so that calls in flight cannot overrun the budget together."""
        words = sum(len(message["content"].split()) for message in request.messages)
        read, written = words * _WORDS_TO_TOKENS, float(request.sampling.max_tokens)
        cost = self._prices.get(role, Price()).of(read, written)
        for name, limit, used, more in (
            ("calls", self._budget.calls, self._calls, 1),
            ("tokens", self._budget.tokens, self._tokens, read + written),
            ("cost", self._budget.cost, self._cost, cost),
        ):
            if limit is not None and used + more > limit:
                raise BudgetError(f"budget.{name} of {limit:g} has no room for another call ({used:g} used)")
        self._calls += 1
        self._tokens += read + written
        self._cost += cost
        return read, written

    def _settle(self, role: str, reserved: tuple[float, float], used: tuple[int, int], calls: int) -> None:
        price = self._prices.get(role, Price())
        self._calls += calls - 1
        self._tokens += sum(used) - sum(reserved)
        self._cost += price.of(*used) - price.of(*reserved)


class Role:
    """One model as a method sees it: call it with the name of a prompt.

    Args:
        name: Role.
        models: The attempt it belongs to.
    """

    def __init__(self, name: str, models: "Models") -> None:
        self._name = name
        self._models = models

    async def __call__(
        self,
        prompt: str,
        *,
        temperature: float = 0.0,
        max_tokens: int = 1024,
        top_p: float = 1.0,
        stop: tuple[str, ...] = (),
        sample: int = 0,
        **inputs: Any,
    ) -> Reply:
        """Render a prompt with the problem and `inputs`, and ask durably.

        Args:
            prompt: Name of the prompt file.
            temperature: 0 is greedy.
            max_tokens: Upper bound on the completion.
            top_p: Nucleus share.
            stop: Strings at which generation stops.
            sample: Number of this answer among several to the same question, from the call site.
            inputs: Values for the prompt, besides `problem`.

        Raises:
            RequestRefused: The engine will never answer this request; let it pass, the attempt then fails with its reason.
        """
        sampling = Sampling(temperature, max_tokens, top_p, stop)
        return await self._models._ask(self._name, prompt, inputs, sampling, sample)


class Models:
    """The models of the recipe, bound to one attempt; `models.teacher(...)` asks the role `teacher`.

    Args:
        asker: The night's asker.
        problem: What the attempt is about.
        repetition: Repetition of the attempt; it enters every sample number.
    """

    def __init__(self, asker: Asker, problem: Problem, repetition: int) -> None:
        self._asker = asker
        self._problem = problem
        self._repetition = repetition
        self.replies: list[Reply] = []
        self.used_prompts: list[str] = []

    def __getattr__(self, role: str) -> Role:
        if role.startswith("_") or role not in self._asker.engines:
            raise AttributeError(f"the recipe names no model for the role {role!r}")
        return Role(role, self)

    async def _ask(self, role: str, prompt: str, inputs: Mapping[str, Any], sampling: Sampling, sample: int) -> Reply:
        self._remember(prompt)
        reply = await self._asker.ask(role, prompt, self._problem, inputs, sampling, f"{self._repetition}.{sample}")
        self.replies.append(reply)
        return reply

    def messages(self, prompt: str, **inputs: Any) -> list[Message]:
        """Render a prompt without asking, to word a sample."""
        self._remember(prompt)
        return list(self._asker.prompts.messages(prompt, {"problem": self._problem, **inputs}))

    def text(self, prompt: str, **inputs: Any) -> str:
        """Render a prompt to plain text without asking, to word a sample."""
        self._remember(prompt)
        return self._asker.prompts.text(prompt, {"problem": self._problem, **inputs})

    def _remember(self, prompt: str) -> None:
        name = self._asker.prompts.digests.get(prompt)
        if name is not None and name not in self.used_prompts:
            self.used_prompts.append(name)
