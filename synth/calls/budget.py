"""A night's budget: hard stops in calls, tokens, money and time, held also for calls that are in flight."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from storage.errors import BudgetError
from storage.ledger.ledger import Spent
from storage.messages import said_in
from synth.engines.base import Answer, Request

_WORDS_TO_TOKENS = 1.6
"""Upper rule of thumb for English: bounds what is set aside while a call is in flight, and stands for what nobody counted."""
_BYTES_PER_TOKEN = 3.0
"""The same for text without spaces: Chinese, code, a long number."""
_LONGEST_TOKEN = 512
"""Bytes of the longest token of a vocabulary: runs of spaces or dashes have up to 128 in those of today."""
_ADDED_BY_SERVERS = 32_768
"""Tokens that a chat template and a server's own instructions may add to a prompt."""

GRACE_S = 30.0
"""How long calls that are in flight at the finish-by time may still take; then they are given up."""


@dataclass(frozen=True, slots=True)
class Budget:
    """A hard stop. None means no limit.

    Attributes:
        calls: Model calls a night may make, tries that were not answered among them.
        tokens: Tokens (read and written) a night may pay for.
        cost: Money a night may cost, in the currency of the prices.
        deadline: When the night must be through with asking, with a time zone.
    """

    calls: int | None = None
    tokens: int | None = None
    cost: float | None = None
    deadline: datetime | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """Price per million tokens of one role's model.

    Attributes:
        prompt: Per million tokens read.
        completion: Per million tokens written.
        cached: Per million tokens read that the server had in its prefix cache; None means as `prompt`.
    """

    prompt: float = 0.0
    completion: float = 0.0
    cached: float | None = None

    def of(self, prompt_tokens: float, completion_tokens: float, cached_tokens: float = 0.0) -> float:
        """Return what a call of this size costs. Cached tokens are among the prompt's."""
        cached = min(cached_tokens, prompt_tokens)
        dear = self.prompt if self.cached is None else self.cached
        return ((prompt_tokens - cached) * self.prompt + cached * dear + completion_tokens * self.completion) / 1e6


_FREE = Price()


@dataclass(frozen=True, slots=True)
class Reserved:
    """What is set aside for a call in flight: the most that it can use."""

    role: str
    tokens: float
    cost: float


def counted(request: Request, answer: Answer) -> Answer:
    """Return an answer with a count of tokens: the engine's, or ours where it gave none that could be true.

    A token of a prompt has a byte at least, and a server adds some of its own; an answer's tokens are no more than was allowed
    or than its bytes: a count beyond that counts as the most there can be, as does what a refused answer wrote and is not there
    to be counted. One that is below what the longest tokens would make of an answer is ours.
    """
    read, written = answer.prompt_tokens, answer.completion_tokens
    size, allowed = len(f"{answer.text}{answer.reasoning}".encode(errors="replace")), request.sampling.max_tokens
    most_read, most_written = _bytes_read(request) + _ADDED_BY_SERVERS, max(size, allowed)
    too_few = 0 < written < size / _LONGEST_TOKEN
    if answer.counted and read <= most_read and written <= most_written and not too_few:
        return answer
    own = round(tokens_of(answer.text) + tokens_of(answer.reasoning))
    if not answer.counted:
        most_written = max(own, allowed)
    written = own if too_few else min(written, most_written) or own
    return replace(
        answer,
        prompt_tokens=min(read, most_read) or round(_tokens_read(request)),
        completion_tokens=written,
        cached_tokens=min(answer.cached_tokens, most_read),
        thought_tokens=None if answer.thought_tokens is None else min(answer.thought_tokens, written),
        counted=False,
    )


def tokens_of(text: str) -> float:
    """Return about how many tokens a text has at most, by its words and, where nothing parts them, by its bytes."""
    return max(len(text.split()) * _WORDS_TO_TOKENS, len(text.encode(errors="replace")) / _BYTES_PER_TOKEN)


def _bytes_read(request: Request) -> int:
    further = len(request.sampling.body or "") + len(request.sampling.schema or "")
    return further + sum(len(said_in(message).encode(errors="replace")) for message in request.messages)


def _tokens_read(request: Request) -> float:
    return sum(tokens_of(said_in(message)) for message in request.messages)


class Meter:
    """Counts what a night uses against its budget.

    Args:
        budget: The limits.
        prices: Price by role.
        spent: What the night has paid for before.
    """

    def __init__(self, budget: Budget, prices: Mapping[str, Price], spent: Spent) -> None:
        self._budget = budget
        self._prices = prices
        self._calls = spent.calls
        self._tokens: float = spent.prompt_tokens + spent.completion_tokens
        self._cost = spent.cost

    def seconds_left(self) -> float | None:
        """Return the seconds until the deadline (0 after it); None when there is none."""
        if self._budget.deadline is None:
            return None
        return max(0.0, (self._budget.deadline - datetime.now(UTC)).total_seconds())

    def late(self) -> BudgetError:
        """Make the error for what the deadline stops."""
        assert self._budget.deadline is not None
        return BudgetError(f"budget.finish_by: {self._budget.deadline:%Y-%m-%d %H:%M:%S %Z} has passed")

    def check_time(self) -> None:
        """Refuse to begin anything after the deadline.

        Raises:
            BudgetError: It has passed.
        """
        if self.seconds_left() == 0:
            raise self.late()

    def reserve(self, role: str, request: Request) -> Reserved:
        """Set the most this call can use aside, so that calls in flight cannot overrun the budget together.

        Raises:
            BudgetError: There is no room for it.
        """
        self.check_time()
        read, written = _tokens_read(request), float(request.sampling.max_tokens)
        reserved = Reserved(role, read + written, self._price(role).of(read, written))
        for name, limit, used, more in (
            ("calls", self._budget.calls, self._calls, 1),
            ("tokens", self._budget.tokens, self._tokens, reserved.tokens),
            ("cost", self._budget.cost, self._cost, reserved.cost),
        ):
            if limit is not None and used + more > limit:
                raise BudgetError(f"budget.{name} of {limit:g} has no room for another call ({used:g} used)")
        self._calls += 1
        self._tokens += reserved.tokens
        self._cost += reserved.cost
        return reserved

    def lose_try(self) -> None:
        """Count a try that a server may have worked on and did not answer; another needs room of its own.

        Raises:
            BudgetError: There is none.
        """
        self._calls += 1
        limit = self._budget.calls
        if limit is not None and self._calls > limit:
            raise BudgetError(f"budget.calls of {limit:g} has no room for another try ({self._calls - 1:g} used)")

    def settle(self, reserved: Reserved, answer: Answer | None) -> float:
        """Put what a call really used in the place of what was set aside, and return its cost; None: it failed."""
        self._tokens -= reserved.tokens
        self._cost -= reserved.cost
        if answer is None:
            self._calls -= 1
            return 0.0
        cost = self._price(reserved.role).of(answer.prompt_tokens, answer.completion_tokens, answer.cached_tokens)
        self._tokens += answer.prompt_tokens + answer.completion_tokens
        self._cost += cost
        return cost

    def _price(self, role: str) -> Price:
        return self._prices.get(role, _FREE)
