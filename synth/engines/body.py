"""The body of a server's answer, read as generously as it can be: what it says was paid for."""

import json
from typing import Any

import aiohttp

MOST_TOKENS = 10**8
"""No model reads or writes so many in one call; a count beyond it is a fault of the server."""
LARGEST_ANSWER = 16 << 20
LARGEST_ERROR = 64 << 10
WORDS_OF_AN_ERROR = ("message", "detail", "errors", "Message", "error_description", "msg")
"""Keys under which servers say what went wrong, without one named `error`."""
_FEW_DIGITS = 30
"""A whole number of more digits is no count of anything and is read as none."""


async def read_body(response: aiohttp.ClientResponse, limit: int) -> bytes | None:
    """The body, or None when it is larger than the limit."""
    length = response.content_length
    if length is not None and "Content-Encoding" not in response.headers:
        return await response.read() if length <= limit else None
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_chunked(1 << 16):
        size += len(chunk)
        if size > limit:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


def parse(raw: bytes | None) -> Any:
    """The body as JSON, or None when it is none.

    Read as generously as it can be, since an answer was paid for: what is no Unicode is U+FFFD, a control character in a
    text stays, a whole number that no count can be is None. The events of a stream are searched for one that holds an error.

    Raises:
        RecursionError: It is nested too deeply to be read.
    """
    if raw is None:
        return None
    text = raw.decode(json.detect_encoding(raw), "replace")
    try:
        return _JSON.decode(text)
    except ValueError:
        return _error_event(text)


def _whole_number(digits: str) -> int | None:
    return int(digits) if len(digits) <= _FEW_DIGITS else None


_JSON = json.JSONDecoder(strict=False, parse_int=_whole_number)


def _error_event(text: str) -> Any:
    """The error in a stream of events, which some gateways send whether asked for one or not."""
    for line in text[:LARGEST_ERROR].splitlines():
        if line.startswith("data:"):
            try:
                event = _JSON.decode(line[5:].strip())
            except ValueError:
                continue
            if not isinstance(event, dict) or not event.get("choices"):
                return event if error_in(event) is not None else None
    return None


def count_of(usage: Any, key: str) -> int | None:
    """A count of a mapping like `usage`; None where it has none that could be true (null, text, negative, absurd)."""
    value = usage.get(key) if isinstance(usage, dict) else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value <= MOST_TOKENS else None


def error_in(reply: Any) -> Any:
    """What a body without an answer says went wrong, under whatever key; None when it says nothing."""
    if isinstance(reply, list) and len(reply) == 1:
        (reply,) = reply
    if not isinstance(reply, dict):
        return None
    if reply.get("error"):
        return reply["error"]
    words = (reply.get(name) for name in WORDS_OF_AN_ERROR)
    return reply if any(said for said in words if isinstance(said, str | list)) else None
