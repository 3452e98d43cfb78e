"""What enters a call's content key, and what does not. It is decided here and nowhere else.

* in: the model's identity (digest of the weights, or declared name and revision; never a bare server alias), the rendered
  messages, the sampling parameters (temperature, max_tokens, top_p, stop, schema, and those beyond them that are said: top_k,
  min_p, the penalties, further keys of the request's body), the explicit sample number (repetition
  of the attempt and number at the call site), the draw (only when a recipe asks old questions afresh) and, for an engine
  that reads the problem itself (the solver), the act, the problem and the inputs;
* out: role, method, engine, endpoint, time-outs, retries, concurrency, prices, template names, night, recipe, shard, and
  order of arrival.

The seed of a call is derived from its key by hashing, so it enters no key itself.
"""

import functools
from collections.abc import Mapping
from typing import Any

from pydantic_core import to_jsonable_python

from storage.ids import digest
from synth.engines.base import Engine, Message, Sampling
from synth.problems.base import Problem

KEY_VERSION = 1
"""Raise it when an old answer must not be found again."""


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
        plain = to_jsonable_python({name: value for name, value in inputs.items() if name != "problem"})
        read = [act, problem.id, problem.solution, dict(problem.attrs), plain]
    return content_key(engine.model, messages, sampling, sample, draw=draw, read=read)


def content_key(
    model: str,
    messages: tuple[Message, ...],
    sampling: Sampling,
    sample: str,
    *,
    draw: str | None = None,
    read: object = None,
) -> str:
    """Compute a key from its parts; `read` is what an engine reads besides the messages."""
    return digest("call", KEY_VERSION, model, messages, sampling_params(sampling), sample, draw, read, length=64)


def refusal_key(key: str, night: str) -> str:
    """Return the key under which a night keeps what it paid for under `key` and could not use.

    Another night asks again: the server may have been mended meanwhile, and what it said is no answer for good.
    """
    return digest("refused", KEY_VERSION, key, night, length=64)


@functools.lru_cache(maxsize=1024)
def sampling_params(sampling: Sampling) -> dict[str, Any]:
    """Return sampling parameters as plain values; do not change what is returned."""
    first = {name: getattr(sampling, name) for name in ("temperature", "max_tokens", "top_p", "stop", "schema")}
    body = {} if sampling.body is None else {"body": sampling.body}
    return {**first, "stop": list(sampling.stop), **sampling.further(), **body}
