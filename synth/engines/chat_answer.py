"""The body of a chat endpoint's answer (status 200), read: a text, or why there is none that can be used.

Servers differ in how they say the same: a text or a list of parts, `stop` or `eos` or `STOP`, an error in place of choices.
What was written and cannot be used was paid for all the same: the refusal carries it (`RequestRefused.paid`).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from synth.engines.base import Answer, RequestRefused
from synth.engines.body import LARGEST_ANSWER, count_of, error_in, parse
from synth.engines.wire import Kind, Trouble, read_error, unusable
from synth.tools.calls import ToolCall, canonical, write_calls

BYTES_PER_TOKEN = 3
"""What stands for the count of an answer that can neither be used nor counted."""

_STOPPED = (
    "stop", "eos", "eos_token", "eos_token_id", "eos_found", "stop_token", "stop_sequence", "end_turn", "end", "completed",
    "complete",
)  # fmt: skip
_CUT = ("length", "max_tokens", "max_new_tokens", "max_output_tokens", "model_length", "max_length")
_WITHHELD = (
    "content_filter", "content_filtered", "safety", "recitation", "blocklist", "prohibited_content", "refusal",
    "error_toxic",
)  # fmt: skip
FINISH_REASONS = {
    **dict.fromkeys(_STOPPED, "stop"),
    **dict.fromkeys(_CUT, "length"),
    **dict.fromkeys(_WITHHELD, "content_filter"),
}
"""What servers call the end of an answer, in small letters with underscores, and what it is called here."""
_GIVEN_UP = ("abort", "aborted", "cancelled", "error")
_THOUGHTS = ("thinking", "reasoning", "redacted_thinking")
"""Kinds of parts of a content that hold what the model thought before it answered."""
_QUOTED = frozenset({*FINISH_REASONS, "tool_calls", "function_call", "none", "error"})
"""Finish reasons that may be quoted; a server's other words might hold anything."""


def finish_of(reason: object) -> str | None:
    """Return `stop`, `length` or `content_filter` for a server's word; None for any other."""
    return FINISH_REASONS.get(_ended(reason)) if isinstance(reason, str) else None


def _ended(reason: str) -> str:
    """A server's word for the end of an answer: FINISH_REASON_STOP, EndTurn, end-turn."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|-", "_", reason[:64]).lower().removeprefix("finish_reason_")


def read_chat_answer(
    raw: bytes | None,
    seconds: float = 0.0,
    *,
    credential: str | None = None,
    texts: Iterable[str] = (),
    tools: bool = False,
) -> Answer:
    """What a body of status 200 says.

    Args:
        raw: The body; None when it was too large to read.
        seconds: How long it took.
        credential: Never quoted.
        texts: The prompt's texts, never quoted either.
        tools: Whether the request offered tools: calls that the server parsed are then part of the text (`synth.tools.calls`).

    Raises:
        RequestRefused: The server answered, but there is no usable text in it: `content_filter`, `tool_call`, `not_text` or
            `malformed_answer`.
        Trouble: This is not the answer of a chat endpoint, the server gave the request up, or it says an error.
    """
    if raw is None:
        raise _too_large(f"the answer is larger than {LARGEST_ANSWER >> 20} MiB", LARGEST_ANSWER, seconds)
    try:
        reply = parse(raw)
    except RecursionError:
        if raw.lstrip().startswith(b"{"):
            raise _too_large("the answer is nested too deeply", len(raw), seconds) from None
        reply = None
    choices = reply.get("choices") if isinstance(reply, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    error = choice.get("error") or reply.get("error") if isinstance(choice, dict) else error_in(reply)
    if error and _usable(choice) is None:
        raise read_error(error, credential, texts)
    if not isinstance(reply, dict):
        raise unusable("it answers with something that is not a JSON object", raw, credential, texts)
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise Trouble(Kind.FAILED, "it answers without choices[0].message", status=200)
    ended = choice.get("finish_reason")
    if isinstance(ended, str) and _ended(ended) in _GIVEN_UP:
        said = (text_of(message.get("content")) or "") if _ended(ended) == "error" else ""
        raise unusable(f"it gave the request up (finish_reason {_ended(ended)})", said, credential, texts)
    if tools and message.get("tool_calls"):
        choice, message = _with_calls(choice, message)
    return answer_of(choice, message, reply.get("usage"), size=len(raw), seconds=seconds)


def _too_large(sentence: str, size: int, seconds: float) -> RequestRefused:
    """The refusal of an answer of so many bytes that cannot be read; it was paid for."""
    paid = Answer("", "malformed_answer", 0, size // BYTES_PER_TOKEN, seconds=seconds, counted=False)
    return RequestRefused("malformed_answer", sentence, paid)


def _with_calls(choice: dict[str, Any], message: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Put the calls that a server parsed back into the text; what is no call stays, and is refused."""
    calls = []
    for entry in message["tool_calls"] if isinstance(message["tool_calls"], list) else [None]:
        function = entry.get("function") if isinstance(entry, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            return choice, message
        calls.append(ToolCall(function["name"], canonical(function.get("arguments"))))
    text = write_calls((text_of(message.get("content") or "") or "").strip(), calls)
    ended = "stop" if choice.get("finish_reason") == "tool_calls" else choice.get("finish_reason")
    return {**choice, "finish_reason": ended}, {**message, "content": text, "tool_calls": None}


def _usable(choice: Any) -> str | None:
    """The text of a choice that has one and ended, whatever else the body says."""
    message = choice.get("message") if isinstance(choice, dict) else None
    ended = finish_of(choice.get("finish_reason")) if isinstance(choice, dict) else None
    return text_of(message.get("content")) if isinstance(message, dict) and ended in ("stop", "length") else None


def answer_of(
    choice: Mapping[str, Any], message: Mapping[str, Any], usage: Any, *, size: int = 0, seconds: float = 0.0
) -> Answer:
    """Return the answer that a choice of a chat completion holds.

    Args:
        choice: The choice.
        message: Its message.
        usage: What the server says of tokens.
        size: Bytes of the whole answer, which stand for the count of one that can neither be used nor counted.
        seconds: How long it took.

    Raises:
        RequestRefused: There is no usable text in it.
    """
    finish_reason = finish_of(choice.get("finish_reason"))
    reasoning = text_of(message.get("reasoning") or message.get("reasoning_content") or thoughts_of(message))
    text = text_of(message.get("content"))
    if message.get("content") is None and reasoning:
        text = ""  # it reasoned up to the limit, or has nothing more to say
    refusal = _refusal(choice, message, text, reasoning, finish_reason)
    details = usage.get("prompt_tokens_details") if isinstance(usage, dict) else None
    read, written = count_of(usage, "prompt_tokens"), count_of(usage, "completion_tokens")
    if written == 0 and (text or reasoning):
        written = None  # nobody writes a text with no token
    answer = Answer(
        text or "",
        finish_reason or "malformed_answer",
        read or 0,
        written or 0,
        reasoning or "",
        min(count_of(details, "cached_tokens") or 0, read or 0),
        seconds,
        counted=read is not None and written is not None,
        thought_tokens=_thought_tokens(usage, written),
    )
    if refusal is None:
        return answer
    reason, sentence = refusal
    tokens = size // BYTES_PER_TOKEN if written is None else written
    kept = (
        storable(answer.text),
        reason,
        answer.prompt_tokens,
        tokens,
        storable(answer.reasoning),
        answer.cached_tokens,
    )
    raise RequestRefused(reason, sentence, Answer(*kept, seconds, counted=answer.counted))


def _thought_tokens(usage: Any, written: int | None) -> int | None:
    """What a server says of the tokens of thoughts; None where it says nothing, or more than it wrote."""
    details = usage.get("completion_tokens_details") if isinstance(usage, dict) else None
    thought = count_of(details, "reasoning_tokens")
    return thought if thought is not None and written is not None and thought <= written else None


def _refusal(
    choice: Mapping[str, Any],
    message: Mapping[str, Any],
    text: str | None,
    reasoning: str | None,
    finish_reason: str | None,
) -> tuple[str, str] | None:
    """Why an answer cannot be used: a stable word and a sentence; None when it can."""
    if finish_reason == "content_filter":
        return "content_filter", "the server's content filter withheld the answer"
    if message.get("refusal") and not text:
        return "content_filter", "the model refused to answer (message.refusal)"
    if message.get("tool_calls") or message.get("function_call"):
        return "tool_call", (
            "the model called a tool instead of answering, and this method offers none; start the server without a tool "
            "parser, or ask a model that answers in text"
        )
    other = _parts_beside_text(message)
    if other is not None:
        return "not_text", f"the answer holds {other}; only text is read"
    if text is None or reasoning is None or finish_reason is None:
        reason = _ended(str(choice.get("finish_reason")))
        ended = reason if reason in _QUOTED else "unknown"
        return "malformed_answer", (
            f"content is {type(message.get('content')).__name__}, finish_reason is {ended}; a text ended by stop or length "
            "is needed (a reasoning or tool parser in the server may hold it back)"
        )
    if storable(text) != text or storable(reasoning) != reasoning:
        return "malformed_answer", "the text holds half a surrogate pair and is no Unicode"
    return None


def text_of(content: Any) -> str | None:
    """Return the text of a message's content: a text, or a list of text parts; None when it is neither.

    Parts that hold thoughts are left out (`thoughts_of`).
    """
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return None
    texts = [part if isinstance(part, str) else _text_in(part) for part in content if not _is_thought(part)]
    parts = [text for text in texts if text is not None]
    said = parts or len(texts) < len(content)
    return "".join(parts) if len(parts) == len(texts) and said else None


def thoughts_of(message: Mapping[str, Any]) -> str:
    """Return what a message's content holds of thoughts, in parts of their own."""
    content = message.get("content")
    thoughts = [part for part in content if _is_thought(part)] if isinstance(content, list) else []
    held = [text_of(part.get("thinking") or part.get("reasoning") or part.get("text")) for part in thoughts]
    return "".join(text for text in held if text)


def _is_thought(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") in _THOUGHTS


def _text_in(part: Any) -> str | None:
    text = part.get("text") if isinstance(part, dict) else None
    return text if isinstance(text, str) else None


def _parts_beside_text(message: Mapping[str, Any]) -> str | None:
    """Name what a message holds that is not text: audio, an image."""
    if message.get("audio") and not message.get("content"):
        return "audio"
    content = message.get("content")
    kinds = [part.get("type") for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    others = [kind for kind in kinds if kind not in (None, "text", "output_text", *_THOUGHTS)]
    if not others and not message.get("images"):
        return None
    kind = str(others[0]) if others else "image"
    return next(
        (word for word in ("image", "audio", "video", "file", "refusal") if word in kind), "parts of another kind"
    )


def storable(text: str) -> str:
    """Replace lone surrogates, which no file can hold, by U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
