"""The lines of OpenAI's batch files: requests (`body` is a chat completion request) and their results."""

import json
from dataclasses import dataclass
from typing import Any

from storage.errors import RecipeError
from synth.calls.structured import schema_text
from synth.engines.base import Message, RequestRefused, Sampling
from synth.engines.body import MOST_TOKENS
from synth.engines.chat_answer import answer_of

_READ = frozenset(
    {"model", "messages", "temperature", "top_p", "max_tokens", "max_completion_tokens", "stop", "n", "response_format"}
)
_HARMLESS = frozenset(
    {
        "seed", "user", "metadata", "store", "service_tier", "stream", "stream_options", "logprobs", "top_logprobs",
        "safety_identifier", "prompt_cache_key", "parallel_tool_calls",
    }
)  # fmt: skip
"""Parameters that do not change what is answered; a seed is no promise, so it enters no key either."""
_NEUTRAL: dict[str, object] = {
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "logit_bias": {},
    "tools": [],
    "tool_choice": "none",
}
"""Parameters that change an answer unless they have this value."""


MOST_CHOICES = 10_000
"""Answers of one request, at most."""
_SHOWN = 40
"""Characters of a wrong value that an error shows."""


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """One request of a batch.

    Attributes:
        custom_id: Its name.
        model: Model it names.
        messages: The chat.
        sampling: Sampling parameters.
        choices: Answers asked for (`n`).
    """

    custom_id: str
    model: str | None
    messages: tuple[Message, ...]
    sampling: Sampling
    choices: int


@dataclass(frozen=True, slots=True)
class BatchReply:
    """One answer, as `synth.engines.base.Answer` has it."""

    text: str
    finish_reason: str
    reasoning: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0


def read_request(line: bytes, where: str, defaults: Sampling) -> BatchRequest:
    """Read a line of an input file.

    Raises:
        RecipeError: It is none, or asks something that a night cannot ask; the message names the field.
    """
    row = _object(line, where)
    body = row.get("body")
    if not isinstance(row.get("custom_id"), str) or not isinstance(body, dict):
        raise RecipeError(f"{where}: a request has `custom_id` (text) and `body`")
    for name in sorted(set(body) - _READ - _HARMLESS):
        if body[name] is not None and body[name] != _NEUTRAL.get(name, ...):
            raise RecipeError(f"{where}: body.{name} changes the answer, and a night cannot ask it")
    return BatchRequest(
        row["custom_id"],
        body.get("model"),
        _messages(body, where),
        _sampling(body, where, defaults),
        _whole(body, "n", where) or 1,
    )


def _messages(body: dict[str, Any], where: str) -> tuple[Message, ...]:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise RecipeError(f"{where}: body.messages is missing or empty")
    for index, message in enumerate(messages):
        plain = isinstance(message, dict) and set(message) == {"role", "content"}
        if not plain or not all(isinstance(value, str) for value in message.values()):
            raise RecipeError(
                f"{where}: body.messages.{index} must have `role` and `content`, both text, and nothing else"
            )
    return tuple(messages)


def _sampling(body: dict[str, Any], where: str, defaults: Sampling) -> Sampling:
    stop = body.get("stop") or ()
    stop = (stop,) if isinstance(stop, str) else stop
    if not isinstance(stop, list | tuple) or not all(isinstance(word, str) for word in stop):
        raise RecipeError(f"{where}: body.stop must be text or a list of texts")
    limit = _whole(body, "max_completion_tokens", where) or _whole(body, "max_tokens", where)
    return Sampling(
        temperature=_share(body, "temperature", 2.0, where),
        max_tokens=limit or defaults.max_tokens,
        top_p=_share(body, "top_p", 1.0, where),
        stop=tuple(stop),
        schema=_schema(body.get("response_format"), where) or defaults.schema,
    )


def _share(body: dict[str, Any], name: str, most: float, where: str) -> float:
    value = 1.0 if body.get(name) is None else body[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise RecipeError(f"{where}: body.{name} = {repr(value)[:_SHOWN]}: must be a number from 0 to {most:g}")
    return float(value)


def _whole(body: dict[str, Any], name: str, where: str) -> int | None:
    value = body.get(name)
    most = MOST_CHOICES if name == "n" else MOST_TOKENS
    if value is not None and (type(value) is not int or not 1 <= value <= most):
        raise RecipeError(f"{where}: body.{name} = {repr(value)[:_SHOWN]}: must be a whole number from 1 to {most:,}")
    return value


def _schema(wanted: Any, where: str) -> str | None:
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if wanted is None or kind == "text":
        return None
    part = wanted.get("json_schema") if kind == "json_schema" else None
    schema = part.get("schema") if isinstance(part, dict) else None
    if not isinstance(schema, dict):
        raise RecipeError(f"{where}: body.response_format must be of type text, or json_schema with a schema")
    try:
        return schema_text(schema)
    except ValueError as error:
        raise RecipeError(f"{where}: body.response_format: {error}") from None


def read_reply(line: bytes, where: str) -> tuple[str, dict[int, BatchReply | None]]:
    """Read a line of an output file: the request's name, and its answers by number of the choice; None is no usable answer.

    Raises:
        RecipeError: It is no such line; the message names the field.
    """
    row = _object(line, where)
    custom_id, response = row.get("custom_id"), row.get("response")
    if not isinstance(custom_id, str):
        raise RecipeError(f"{where}: custom_id is missing; is this the output of a batch?")
    if row.get("error") or not isinstance(response, dict) or response.get("status_code") not in (200, "200"):
        return custom_id, {}
    body = response.get("body")
    if isinstance(body, dict) and body.get("error") and not body.get("choices"):
        return custom_id, {}
    choices = body.get("choices") if isinstance(body, dict) else None
    if (
        not isinstance(body, dict)
        or not isinstance(choices, list)
        or not all(isinstance(choice, dict) for choice in choices)
    ):
        raise RecipeError(f"{where}: response.body.choices is missing")
    by_number = _numbered(choices, where)
    first = min(by_number, default=0)
    return custom_id, {
        number: _reply(choice, body.get("usage") if number == first else None) for number, choice in by_number.items()
    }


def _numbered(choices: list[dict[str, Any]], where: str) -> dict[int, dict[str, Any]]:
    """Return choices by their index, where none is said by their place."""
    by_number: dict[int, dict[str, Any]] = {}
    for position, choice in enumerate(choices):
        index = position if choice.get("index") is None else choice["index"]
        if type(index) is not int or not 0 <= index <= MOST_CHOICES or index in by_number:
            shown = repr(index)[:_SHOWN]
            raise RecipeError(
                f"{where}: response.body.choices.{position}.index = {shown}: must be a whole number from 0, each once"
            )
        by_number[index] = choice
    return dict(sorted(by_number.items()))


def _reply(choice: dict[str, Any], usage: Any) -> BatchReply | None:
    message = choice.get("message")
    if not isinstance(message, dict):
        return None
    try:
        answer = answer_of(choice, message, usage)
    except RequestRefused:
        return None
    tokens = (answer.prompt_tokens, answer.completion_tokens, answer.cached_tokens)
    return BatchReply(answer.text, answer.finish_reason, answer.reasoning, *tokens)


def _object(line: bytes, where: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"{where}: no JSON: {error}") from None
    if not isinstance(value, dict):
        raise RecipeError(f"{where}: a JSON object is needed")
    return value
