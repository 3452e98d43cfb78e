"""Calls of tools, as models write them in their text and as servers' parsers return them, read into one form and back.

The canonical text is that of Hermes and Qwen (`<tool_call>` with JSON inside): a call that a server parsed is kept in the ledger as
this text, so that an answer is one text, whoever read it.
"""

import ast
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from storage.messages import Message

_OPEN, _CLOSE = "<tool_call>", "</tool_call>"
_MISTRAL = "[TOOL_CALLS]"
_LLAMA = "<|python_tag|>"
_FENCE = re.compile(r"\A```(?:json)?\s*\n(?P<body>.*?)\n?```\s*\Z", re.DOTALL)
_DECODER = json.JSONDecoder(strict=False)  # programs are often written with raw line breaks inside a string
MOST_CALLS = 16
"""Calls that are read in one turn."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool.

    Attributes:
        name: Which one.
        arguments: Its arguments, canonical JSON text.
    """

    name: str
    arguments: str


def read_calls(text: str) -> tuple[str, tuple[ToolCall, ...]]:
    """Split what a model wrote into its content and its calls.

    Read are `<tool_call>` with an object inside (also unclosed, or with line breaks inside strings), Mistral's `[TOOL_CALLS]`
    with a list, and a text that is nothing but an object with `name` and `arguments` (or `parameters`), or a list of such, bare,
    in a fence, or behind Llama's `<|python_tag|>`.

    Returns:
        The content without the calls, and the calls; where one cannot be read, the text as it is, and none.
    """
    if _OPEN in text:
        content, *parts = text.split(_OPEN)
        calls = [_call(_value(part.partition(_CLOSE)[0])) for part in parts]
        after = parts[-1].partition(_CLOSE)[2]
        content = "\n".join(piece.strip() for piece in (content, after) if piece.strip())
    elif _MISTRAL in text:
        content, _, part = text.partition(_MISTRAL)
        value = _value(part)
        calls = [_call(entry) for entry in value] if isinstance(value, list) else [None]
        content = content.strip()
    else:
        body = text.strip().removeprefix(_LLAMA).strip()
        fenced = _FENCE.match(body)
        body = fenced["body"].strip() if fenced else body
        value = _value(body, whole=True) if body.startswith(("{", "[{")) else None
        calls, content = [_call(entry) for entry in (value if isinstance(value, list) else [value])], ""
    if not calls or len(calls) > MOST_CALLS or None in calls:
        return text, ()
    return content, tuple(call for call in calls if call is not None)


def write_calls(content: str, calls: Sequence[ToolCall]) -> str:
    """Write content and calls as one text that `read_calls` reads."""
    written = [
        f'{_OPEN}\n{{"name": {json.dumps(call.name)}, "arguments": {call.arguments}}}\n{_CLOSE}' for call in calls
    ]
    return "\n".join([*([content] if content else []), *written])


def canonical(arguments: Any) -> str:
    """Return arguments as JSON text; text that is JSON already is rewritten, any other is a JSON string.

    Never raises on what a model wrote: a Python literal that JSON does not have is a JSON string too, half a character is U+FFFD.
    """
    try:
        value = _DECODER.decode(arguments) if isinstance(arguments, str) else arguments
        text = json.dumps({} if value is None else value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        text = json.dumps(arguments if isinstance(arguments, str) else "no JSON", ensure_ascii=False)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def turn_of(content: str, calls: Sequence[ToolCall], first: int = 0) -> Message:
    """Return the assistant's turn as OpenAI writes it.

    Args:
        content: What it says beside the calls.
        calls: The calls; none makes a plain turn.
        first: Number of the first call in its dialogue. Ids have nine letters and digits, which Mistral's templates want.
    """
    if not calls:
        return {"role": "assistant", "content": content}
    listed = [
        {"id": f"call{number:05d}", "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for number, call in enumerate(calls, first)
    ]
    return {"role": "assistant", "content": content, "tool_calls": listed}


def calls_in(message: Message) -> tuple[ToolCall, ...]:
    """Return the calls of an assistant's turn."""
    functions = [call["function"] for call in message.get("tool_calls") or ()]
    return tuple(ToolCall(function["name"], function["arguments"]) for function in functions)


def _call(value: Any) -> ToolCall | None:
    name = value.get("name") if isinstance(value, dict) else None
    name = name.strip() if isinstance(name, str) else ""
    if not name or not name.isprintable():
        return None
    return ToolCall(name, canonical(value.get("arguments", value.get("parameters", {}))))


def _value(text: str, *, whole: bool = False) -> Any:
    """The JSON value (or Python literal) that a text begins with; None where it begins with none."""
    text = text.strip()
    try:
        value, end = _DECODER.raw_decode(text)
        return None if whole and text[end:].strip() else value
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
