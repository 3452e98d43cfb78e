"""What a chat endpoint says, read: an answer, a refusal in its own words, or trouble that may pass.

Nothing that is raised here holds a credential or a part of a prompt: a server's words are quoted without them.
"""

import re
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any

from synth.engines.body import WORDS_OF_AN_ERROR, parse
from synth.engines.credentials import redact

WORDS = 300
"""How much of a server's own words an error carries."""
SHARED_PROMPT = 24
"""A run of characters this long that a prompt holds too is not quoted."""
SHARED_KEY = 6
"""The same for a credential."""

TOO_LONG = re.compile(
    r"context[ _]length|context window|maximum (model|input|sequence) length|max_model_len|prompt is too long",
    re.IGNORECASE,
)
BUSY = frozenset({408, 425, 429, 503})
DENIED = frozenset({401, 403, 404})
UNSUPPORTED = re.compile(r"unsupported|not (\w+ )?supported|deprecated|instead", re.IGNORECASE)
WANTS_COMPLETION_TOKENS = "wants_max_completion_tokens"
"""The reason of a server's refusal that `max_completion_tokens` mends."""
NO_TOOL_PARSER = "no_tool_parser"
"""The reason of the refusal of a server (vLLM without --tool-call-parser) that shows tools to a model and cannot read its calls."""

_STATUS_OF = {
    "rate_limit": 429, "too_many_requests": 429, "throttl": 429, "overloaded": 503, "unavailable": 503, "timeout": 504,
    "quota": 429, "exhausted": 429, "internal": 500, "server_error": 500, "authentication": 401, "unauthorized": 401,
    "api_key": 401, "permission": 403, "forbidden": 403, "access_denied": 403, "not_found": 404, "too_large": 413,
    "context_length": 400, "content_filter": 400, "content_policy": 400, "invalid": 400, "bad_request": 400,
    "unsupported": 400,
}  # fmt: skip
"""The status that an error inside a body of status 200 would have had, by a part of its type or code; the first that fits."""
_NAMES_OF_STATUS = ("code", "status", "status_code", "statusCode", "http_status")
_NAMES_OF_KIND = ("code", "type", "status", "__type", "reason")
_WITHHELD = ("content_filter", "content_policy", "contentfilter", "moderation")


class Kind(Enum):
    """What went wrong with one try."""

    AWAY = "no connection"
    LOST = "connection broke"
    BUSY = "too busy"
    FAILED = "server error"
    SILENT = "no answer in time"
    FINAL = "refused"


class Trouble(Exception):
    """One try without an answer. Its text holds no header, no credential and no prompt.

    Attributes:
        kind: What went wrong.
        status: HTTP status, when there was one.
        reason: The stable word of a final refusal.
        pause_s: What the server asked for in Retry-After.
    """

    def __init__(
        self, kind: Kind, message: str, *, status: int | None = None, reason: str = "", pause_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.status = status
        self.reason = reason
        self.pause_s = pause_s


def read_failure(
    status: int, raw: bytes | None, retry_after: str | None, credential: str | None, texts: Iterable[str]
) -> Trouble:
    """What a status other than 200 means.

    Args:
        status: The status.
        raw: The body, None when it was too large to read.
        retry_after: The header of that name.
        credential: Never quoted, not even in part.
        texts: The prompt's texts, never quoted either.
    """
    try:
        message, fields = _words(parse(raw), raw)
    except RecursionError:
        message, fields = "", {}
    return _failure(f"HTTP {status}", status, message, fields, retry_after, credential, texts)


def read_error(error: Any, credential: str | None, texts: Iterable[str]) -> Trouble:
    """What an error means that a server says inside a body of status 200; its own code or type tells the kind.

    Args:
        error: What stands under `error`.
        credential: Never quoted, not even in part.
        texts: The prompt's texts, never quoted either.
    """
    message, fields = _words({"error": error}, None)
    status = _status_in(fields) or next(
        (http_status for part, http_status in _STATUS_OF.items() if part in _kind_in(fields)),
        400 if TOO_LONG.search(message) else 500,
    )
    return _failure("an error instead of an answer", status, message, fields, None, credential, texts)


def unusable(what: str, raw: bytes | str, credential: str | None, texts: Iterable[str]) -> Trouble:
    """Trouble with a body of status 200 that is no answer, with its own words.

    Args:
        what: What is wrong with it.
        raw: What it says.
        credential: Never quoted, not even in part.
        texts: The prompt's texts, never quoted either.
    """
    text = raw.decode(errors="replace") if isinstance(raw, bytes) else raw
    return _failure(what, 200, " ".join(text[:4000].split()), {}, None, credential, texts)


def _status_in(fields: Mapping[str, Any]) -> int:
    """The HTTP status that an error says it would have had; 0 when it says none."""
    for name in _NAMES_OF_STATUS:
        value = fields.get(name)
        if isinstance(value, int | float | str) and (said := re.fullmatch(r"\s*([45]\d\d)(\.0)?\s*", str(value)[:8])):
            return int(said[1])
    return 0


def _kind_in(fields: Mapping[str, Any]) -> str:
    """What an error says of its kind, in small letters with underscores: RateLimitError, `rate limit`, RATE_LIMIT."""
    said = "_".join(str(fields.get(name) or "")[:WORDS] for name in _NAMES_OF_KIND)
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[ .-]", "_", said).lower()


def _failure(
    what: str,
    status: int,
    message: str,
    fields: Mapping[str, Any],
    retry_after: str | None,
    credential: str | None,
    texts: Iterable[str],
) -> Trouble:
    message = _unshared(message[:4000], texts, credential)[:WORDS]
    sentence = f"{what}: {message}" if message else what
    if "insufficient_quota" in (fields.get("code"), fields.get("type")):
        return Trouble(Kind.FINAL, sentence, status=status, reason="no_quota")
    if status in BUSY:
        return Trouble(Kind.BUSY, sentence, status=status, pause_s=_seconds(retry_after))
    if status >= 500 or status == 200:
        return Trouble(Kind.FAILED, sentence, status=status, pause_s=_seconds(retry_after))
    return Trouble(Kind.FINAL, sentence, status=status, reason=_reason(status, message, fields))


def _reason(status: int, message: str, fields: Mapping[str, Any]) -> str:
    """The stable word for a refusal. vLLM names the parameter; other servers only say it."""
    param = fields.get("param")
    if any(word in _kind_in(fields) for word in _WITHHELD):
        return "content_filter"
    if status in DENIED:
        return "not_found" if status == 404 else "access_denied"
    if "tool-call-parser" in message or "tool_call_parser" in message:
        return NO_TOOL_PARSER
    if "max_completion_tokens" in message and UNSUPPORTED.search(message):
        return WANTS_COMPLETION_TOKENS
    if param in ("max_tokens", "max_completion_tokens"):
        return "max_tokens_too_large"
    too_long = status == 413 or param == "input_tokens" or TOO_LONG.search(message)
    return "prompt_too_long" if too_long else "bad_request"


def _words(reply: Any, raw: bytes | None) -> tuple[str, Mapping[str, Any]]:
    """What a server says went wrong, and the fields it says it in.

    vLLM: `{"error": {"message", "type", "param", "code"}}`, but a string as `error` for 401; FastAPI: `detail`, whose
    entries repeat the input, so that only place and message of each are taken.
    """
    if not isinstance(reply, dict):
        return (raw or b"").decode(errors="replace").strip(), {}
    error = reply.get("error", reply)
    if not isinstance(error, dict):
        return str(error), {}
    message = next((error[name] for name in WORDS_OF_AN_ERROR if error.get(name)), None)
    if isinstance(message, list) and isinstance(message[0], dict) and message[0].get("message"):
        return _words({"error": message[0]}, None)
    if isinstance(message, list):
        entries = [entry for entry in message if isinstance(entry, dict)]
        message = "; ".join(f"{entry.get('loc')}: {entry.get('msg')}" for entry in entries)
    return str(message if message is not None else error), error


def _unshared(message: str, texts: Iterable[str], credential: str | None) -> str:
    """A server's words without what they share with the credential or the prompt."""
    if credential:
        message = redact(message, credential)
        message = _mask(message, credential, min(SHARED_KEY, len(credential)), "[credential]")
    for text in texts:
        run = min(SHARED_PROMPT, len(text))
        if run >= 8:
            message = _mask(message, text, run, "[prompt]")
    return message


def _mask(message: str, secret: str, run: int, mark: str) -> str:
    """Replace every run of at least `run` characters that `secret` holds too."""
    kept: list[str] = []
    position = 0
    while position < len(message):
        end = position + run
        if end <= len(message) and message[position:end] in secret:
            while end < len(message) and message[position : end + 1] in secret:
                end += 1
            kept.append(mark)
            position = end
        else:
            kept.append(message[position])
            position += 1
    return "".join(kept)


def _seconds(retry_after: str | None) -> float | None:
    """A Retry-After header, seconds or a date, as seconds from now."""
    if retry_after is None:
        return None
    try:
        return float(retry_after) if retry_after.strip().isdecimal() else _until(parsedate_to_datetime(retry_after))
    except (ValueError, TypeError, OverflowError):
        return None


def _until(moment: datetime) -> float:
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.fromtimestamp(time.time(), UTC)).total_seconds())
