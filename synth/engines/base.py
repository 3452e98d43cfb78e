"""What an engine is: whoever answers a request, be it a server, a model in this process, or a rule."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from storage.ids import canonical_json
from storage.messages import Message
from synth.problems.base import Problem

__all__ = ["Answer", "Engine", "Message", "Request", "RequestRefused", "Sampling", "tools_of", "with_tools"]


@dataclass(frozen=True, slots=True)
class Sampling:
    """Sampling parameters that can change an answer; all of them enter the call's content key.

    Attributes:
        temperature: 0 is greedy.
        max_tokens: Upper bound on the completion, in tokens.
        top_p: Nucleus share, 1 keeps everything.
        stop: Strings at which generation stops.
        schema: JSON schema that the completion must follow, as canonical JSON text; None leaves it free.
        top_k: Only the k likeliest tokens are drawn from; None leaves it out.
        min_p: Only tokens at least so likely, relative to the likeliest; None leaves it out.
        presence_penalty: Against tokens that were written already; None leaves it out.
        frequency_penalty: The same, in proportion to how often; None leaves it out.
        repetition_penalty: Divides the logits of tokens that were seen; None leaves it out.
        body: Further keys of the request that can change the answer (`chat_template_kwargs`, `reasoning_effort`, ...), as
            canonical JSON text; None has none.
    """

    temperature: float = 0.0
    max_tokens: int = 1024
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    schema: str | None = None
    top_k: int | None = None
    min_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    repetition_penalty: float | None = None
    body: str | None = None

    def further(self) -> dict[str, float]:
        """Return the parameters beyond the first five that are said, by name."""
        names = ("top_k", "min_p", "presence_penalty", "frequency_penalty", "repetition_penalty")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


TOOLS = "tools"


def with_tools(sampling: Sampling, tools: Sequence[Mapping[str, Any]] | None) -> Sampling:
    """Return sampling parameters of a request that offers tools: their schemas are a key of its body, and so of its content key."""
    if not tools:
        return sampling
    body = {**json.loads(sampling.body or "{}"), TOOLS: [dict(tool) for tool in tools]}
    return replace(sampling, body=canonical_json(body))


def tools_of(body: str | None) -> list[dict[str, Any]] | None:
    """Return the tools that the body of a request offers; None where it offers none."""
    if body is None or TOOLS not in body:
        return None
    tools: list[dict[str, Any]] | None = json.loads(body).get(TOOLS)
    return tools


@dataclass(frozen=True, slots=True)
class Request:
    """One question to an engine.

    Attributes:
        messages: The rendered chat. One that ends with the assistant's turn asks for that turn to be continued.
        sampling: Sampling parameters.
        seed: Derived from the content key by hashing; engines that can, use it.
        act: What is asked, by the name of the prompt file (`solve`, `correct`, ...). Only the solver reads it.
        problem: The problem it is about. Only the solver reads it.
        inputs: The values that were rendered into the prompt. Only the solver reads them.
        scores: Nothing is to be written: how likely is the text of the one message? See `synth.engines.scoring`.
        on_lost_try: Called when a try ended without an answer although a server may have worked on it and charge for it, or
            has refused it. It may raise BudgetError, which ends the request.
    """

    messages: tuple[Message, ...]
    sampling: Sampling
    seed: int
    act: str
    problem: Problem
    inputs: Mapping[str, Any] = field(default_factory=dict)
    scores: bool = False
    on_lost_try: Callable[[], None] = field(default=lambda: None, compare=False, repr=False)

    @property
    def continues(self) -> bool:
        """Whether the assistant's turn is to be continued."""
        return bool(self.messages) and self.messages[-1]["role"] == "assistant"


@dataclass(frozen=True, slots=True)
class Answer:
    """What an engine answered.

    Attributes:
        text: The completion, without the reasoning that a server keeps apart.
        finish_reason: `stop` or `length`.
        prompt_tokens: Tokens of the prompt, 0 where none are counted.
        completion_tokens: Tokens of the completion (reasoning included), 0 where none are counted.
        reasoning: What a reasoning model thought before it answered; empty where the server keeps none apart.
        cached_tokens: Tokens of the prompt that the server had in its prefix cache.
        seconds: From sending the request that was answered to its last byte; tries that failed are left out.
        thought_tokens: Tokens of the completion that were thoughts, where the server counts them; None where it does not.
        counted: False when the engine gave no believable count of tokens; who records the answer then counts what is 0.
    """

    text: str
    finish_reason: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning: str = ""
    cached_tokens: int = 0
    seconds: float = 0.0
    counted: bool = True
    thought_tokens: int | None = None


class RequestRefused(Exception):
    """The engine will never answer this request (too long, malformed). The attempt fails with these words as its reason.

    Attributes:
        reason: A stable word (`prompt_too_long`, `bad_request`, ...).
        paid: What was written all the same and cannot be used, with its tokens; None when nothing was.
    """

    def __init__(self, reason: str, message: str, paid: Answer | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.paid = paid


class Engine(Protocol):
    """Whoever answers. One instance serves all coroutines of a process."""

    @property
    def model(self) -> str:
        """Identity of the model: a digest of its weights, or its declared name and revision; never a bare alias."""
        ...

    @property
    def concurrency(self) -> int:
        """How many requests it wants open at once."""
        ...

    @property
    def reads_problem(self) -> bool:
        """True when the answer depends on `problem` and `inputs` beyond the messages; they then enter the content key."""
        ...

    async def answer(self, request: Request) -> Answer:
        """Answer one request.

        Raises:
            RequestRefused: This request can never be answered.
            ModelServerError: The engine cannot be reached or failed; the run stops and can be resumed.
            BudgetError: A try was lost, and the budget has no room for another.
        """
        ...

    async def close(self) -> None:
        """Release connections, threads and memory."""
        ...
