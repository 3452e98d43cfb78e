"""How likely a text is to a model: `/v1/completions` that echoes its prompt with log-probabilities and writes nothing.

The text is sent as it stands, without a chat template. Its first token has no log-probability unless the tokenizer puts a
start token before it, so that the count is of the tokens that were scored. What is kept is their number and the sum.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from synth.engines.base import Answer, RequestRefused
from synth.engines.body import LARGEST_ANSWER, count_of, error_in, parse
from synth.engines.wire import Kind, Trouble, read_error

PATH = "/v1/completions"
LARGEST = 1e6
"""No log-probability is this far from zero; vLLM writes -9999 for minus infinity."""


@dataclass(frozen=True, slots=True)
class Score:
    """How likely a text is.

    Attributes:
        logprob: Sum of the natural log-probabilities of its tokens, each given those before it.
        tokens: How many tokens that is.
    """

    logprob: float
    tokens: int

    @property
    def perplexity(self) -> float:
        """The exponential of the mean negative log-probability."""
        return math.exp(min(700.0, -self.logprob / self.tokens))

    def to_json(self) -> str:
        """Write it as the ledger keeps it."""
        return json.dumps({"logprob": self.logprob, "tokens": self.tokens})

    @classmethod
    def from_json(cls, text: str) -> "Score":
        """Read what `to_json` wrote."""
        return cls(**json.loads(text))


def score_body(name: str, text: str) -> dict[str, Any]:
    """Return the body that asks for the log-probabilities of a text."""
    return {"model": name, "prompt": text, "echo": True, "max_tokens": 0, "logprobs": 1, "temperature": 0.0}


def read_score(
    raw: bytes | None, seconds: float = 0.0, *, credential: str | None = None, texts: Iterable[str] = ()
) -> Answer:
    """What a body of status 200 says: an answer whose text is a `Score`.

    Raises:
        RequestRefused: The server answered without log-probabilities, or the text has no token that could be scored.
        Trouble: This is not the answer of a completions endpoint.
    """
    if raw is None:
        reason = f"the answer is larger than {LARGEST_ANSWER >> 20} MiB"
        raise RequestRefused("malformed_answer", reason, Answer("", "malformed_answer", seconds=seconds, counted=False))
    try:
        reply = parse(raw)
    except RecursionError:
        raise Trouble(Kind.FAILED, "the answer is nested too deeply", status=200) from None
    if not (isinstance(reply, dict) and reply.get("choices")) and (error := error_in(reply)) is not None:
        raise read_error(error, credential, texts)
    choices = reply.get("choices") if isinstance(reply, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(reply, dict) or not isinstance(choice, dict):
        raise Trouble(Kind.FAILED, "it answers without choices[0]", status=200)
    logprobs = choice.get("logprobs")
    token_logprobs = logprobs.get("token_logprobs") if isinstance(logprobs, dict) else None
    tokens = count_of(reply.get("usage"), "prompt_tokens") or (len(token_logprobs) if token_logprobs else 0)
    scored = _scored(token_logprobs, Answer("", "", tokens, 0, seconds=seconds, counted=tokens > 0))
    score = Score(math.fsum(scored), len(scored))
    return Answer(score.to_json(), "stop", tokens, 0, seconds=seconds)


def _scored(token_logprobs: Any, paid: Answer) -> list[float]:
    """Return the log-probabilities of every token that has one.

    Raises:
        RequestRefused: There are none, too few, or some that are none.
    """

    def refused(reason: str, sentence: str) -> RequestRefused:
        return RequestRefused(reason, sentence, replace(paid, finish_reason=reason))

    if not isinstance(token_logprobs, list):
        raise refused("no_logprobs", "the server answers without logprobs.token_logprobs; it must be able to echo")
    scored = token_logprobs[1:] if token_logprobs and token_logprobs[0] is None else token_logprobs
    if not all(type(logprob) in (int, float) and abs(logprob) < LARGEST for logprob in scored):
        raise refused("malformed_answer", "a log-probability is missing or not a finite number")
    if token_logprobs and paid.prompt_tokens != len(token_logprobs):
        count = f"{len(token_logprobs)} log-probabilities came for a text of {paid.prompt_tokens} tokens"
        raise refused("no_logprobs", count)
    if not scored:
        raise refused("too_short", "the text has no token with another before it")
    return scored
