"""Messages of a chat, as OpenAI's chat completions write them and as the lake keeps them.

`{"role", "content"}`, and beside them where a tool is used: `tool_calls` of the assistant's turn, a list of
`{"id", "type": "function", "function": {"name", "arguments"}}` whose arguments are JSON text, and `tool_call_id` of the turn of the
role `tool` that answers one of them. A column of messages has all four, and null where a message says nothing.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

Message = dict[str, Any]


def plain(message: Mapping[str, Any]) -> Message:
    """Return a message without what it does not say: rows of the lake have null there, chat templates and keys want nothing."""
    said = {name: value for name, value in message.items() if value is not None or name in ("role", "content")}
    if "tool_calls" in said:
        said["tool_calls"] = [
            {"id": call["id"], "type": call["type"], "function": dict(call["function"])} for call in said["tool_calls"]
        ]
    return said


def chat_of(messages: Iterable[Mapping[str, Any]] | None) -> list[Message]:
    """Return messages without what they do not say."""
    return [plain(message) for message in messages or ()]


def said_in(message: Mapping[str, Any]) -> str:
    """Return everything that a message says as text: its content, and the calls of tools in it, a line each."""
    content = str(message.get("content") or "")
    lines = [f"{call['function']['name']}({call['function']['arguments']})" for call in message.get("tool_calls") or ()]
    return "\n".join([*([content] if content else []), *lines])


def for_template(messages: Iterable[Mapping[str, Any]]) -> list[Message]:
    """Return messages as chat templates of transformers read them: the arguments of calls are objects there, not text."""
    return [
        message
        if not message.get("tool_calls")
        else {
            **message,
            "tool_calls": [
                {**call, "function": {**call["function"], "arguments": _object(call["function"]["arguments"])}}
                for call in message["tool_calls"]
            ],
        }
        for message in chat_of(messages)
    ]


def _object(arguments: Any) -> Any:
    if not isinstance(arguments, str):
        return arguments
    try:
        return json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
