"""Answers from vLLM, or any server that speaks OpenAI's chat completions, over HTTP.

One request per sample (n = 1), so that every sample has its own seed, its own key in the ledger and its own failure.
aiohttp with a bytes body costs 0.3 ms of CPU per request, a tenth of openai's client or httpx.

Not covered yet: several endpoints, adaptive concurrency, a prober while a server is away, HTTP proxies.
"""

import asyncio
import json
import os
import random
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from storage.errors import ModelServerError, RecipeError
from synth.engines.base import Answer, Request, RequestRefused

if TYPE_CHECKING:
    import aiohttp

TRIES = 6
"""Tries per request; their pauses add up to about 15 s, longer than a server needs to reload a small checkpoint."""

TIMEOUT_TRIES = 2
"""Of these, how many may run into the time limit: a second hour of waiting rarely helps."""

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 60.0
CONNECT_S = 10.0
KEEPALIVE_S = 4.0  # uvicorn closes an idle connection after 5 s; a reused one must be younger
LARGEST_ANSWER = 16 << 20
LARGEST_ERROR = 64 << 10
WORDS = 300
"""How much of a server's own words an error carries."""

TOO_LONG = re.compile(
    r"context[ _]length|context window|maximum (model|input|sequence) length|max_model_len|prompt is too long",
    re.IGNORECASE,
)
REFUSALS = frozenset({400, 413, 422})
PASSING = frozenset({408, 425, 429})
_KNOWN = {word: word for word in ("stop", "length", "tool_calls", "function_call", "None")}
"""Finish reasons that may be quoted; a server's other words might hold anything."""


class _PassingError(Exception):
    """What may be over at the next try. Its text holds no header and no credential."""

    def __init__(self, message: str, pause_s: float | None = None, timed_out: bool = False) -> None:
        super().__init__(message)
        self.pause_s = pause_s
        self.timed_out = timed_out


class Vllm:
    """One model behind one OpenAI-compatible endpoint.

    Args:
        endpoint: Root of the server, for example `http://127.0.0.1:8000`; a final `/v1` may be there or not.
        name: The name it serves the model under.
        identity: The digest of the weights, or `name@revision` as declared: what enters the content key. A served
            name is an alias that may point elsewhere tomorrow, so it never takes this place.
        concurrency: Requests to keep open at once.
        api_key_env: Name of the environment variable with the credential, read at each use.
        timeout_s: Limit for one try, from connecting to the last byte.

    Raises:
        RecipeError: The endpoint is not an http(s) address, or holds a credential.
    """

    reads_problem = False

    def __init__(
        self,
        endpoint: str,
        name: str,
        identity: str,
        concurrency: int = 64,
        api_key_env: str | None = None,
        timeout_s: float = 600,
    ) -> None:
        self._root = _root(endpoint)
        self._name = name
        self._identity = identity
        self._concurrency = concurrency
        self._api_key_env = api_key_env
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def model(self) -> str:
        """The identity given by whoever made this engine."""
        return self._identity

    @property
    def concurrency(self) -> int:
        """Requests to keep open at once."""
        return self._concurrency

    async def answer(self, request: Request) -> Answer:
        """Ask the server, again when what went wrong may pass.

        Raises:
            RequestRefused: `prompt_too_long`, `max_tokens_too_large`, `bad_request`, `content_filter` or
                `malformed_answer`.
            ModelServerError: The server cannot be reached, keeps failing, does not know the model or the credential.
        """
        body = self._body(request)
        timed_out = 0
        for attempt in range(1, TRIES + 1):
            try:
                return await self._once(body)
            except _PassingError as problem:
                timed_out += problem.timed_out
                if attempt == TRIES or timed_out == TIMEOUT_TRIES:
                    raise ModelServerError(
                        f"{self._where()}: {problem} (tried {attempt} times). What was answered is kept; "
                        "see to the server and run the same command again."
                    ) from None
                await asyncio.sleep(_pause(attempt, problem.pause_s))
        raise AssertionError("the last try returns or raises")

    async def close(self) -> None:
        """Close the connections. The engine may be used again afterwards."""
        session, self._session, self._loop = self._session, None, None
        if session is not None:
            await session.close()

    def _where(self) -> str:
        return f"model server {self._root} (model {self._name!r})"

    def _body(self, request: Request) -> bytes:
        sampling = request.sampling
        payload: dict[str, Any] = {
            "model": self._name,
            "messages": list(request.messages),
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
            "seed": request.seed & (2**63 - 1),  # vLLM wants a signed 64-bit number
        }
        if sampling.stop:
            payload["stop"] = list(sampling.stop)
        try:
            return json.dumps(payload, ensure_ascii=False, allow_nan=False).encode()
        except ValueError as error:  # half a surrogate pair in a message, or a parameter that is not a number
            raise RequestRefused("bad_request", f"the request cannot be written as JSON: {error}") from None

    def _credential(self) -> str | None:
        if self._api_key_env is None:
            return None
        value = os.environ.get(self._api_key_env, "").strip()
        if not value:
            raise ModelServerError(
                f"{self._where()}: the environment variable {self._api_key_env} (its credential) is not set or empty."
            )
        if not (value.isascii() and value.isprintable()):
            raise ModelServerError(
                f"{self._where()}: what the environment variable {self._api_key_env} holds is no credential "
                "(line breaks or letters outside ASCII)."
            )
        return value

    def _connect(self) -> "aiohttp.ClientSession":
        """The session of the running loop: an engine may outlive an `asyncio.run`, a session may not."""
        import aiohttp

        loop = asyncio.get_running_loop()
        if self._session is None or self._session.closed or self._loop is not loop:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEPALIVE_S),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=self._timeout_s, sock_connect=CONNECT_S),
            )
            self._loop = loop
        return self._session

    async def _once(self, body: bytes) -> Answer:
        import aiohttp

        credential = self._credential()
        headers = {"Content-Type": "application/json"}
        if credential is not None:
            headers["Authorization"] = f"Bearer {credential}"
        url = f"{self._root}/v1/chat/completions"
        try:
            # A redirect is not followed: it would carry the credential to a host nobody named.
            async with self._connect().post(url, data=body, headers=headers, allow_redirects=False) as response:
                status = response.status
                raw = await _read(response, LARGEST_ANSWER if status == 200 else LARGEST_ERROR)
                retry_after = response.headers.get("Retry-After")
        except aiohttp.ConnectionTimeoutError:
            raise _PassingError(f"no connection within {CONNECT_S:g} s") from None
        except TimeoutError:
            raise _PassingError(f"no answer within {self._timeout_s:g} s", timed_out=True) from None
        except (aiohttp.ClientError, OSError) as error:
            raise _PassingError(f"the connection failed ({type(error).__name__})") from None
        if status == 200:
            return _answer(raw)
        raise self._failure(status, raw, retry_after, credential)

    def _failure(self, status: int, raw: bytes | None, retry_after: str | None, credential: str | None) -> Exception:
        """The exception that a status other than 200 becomes."""
        message, fields = _words(raw)
        if credential is not None:
            message = message.replace(credential, "[credential]")
        message = message[:WORDS]
        if status in REFUSALS:
            return RequestRefused(_reason(status, message, fields.get("param")), message or f"HTTP {status}")
        if status in PASSING or status >= 500:
            return _PassingError(f"it answers HTTP {status}: {message}", pause_s=_seconds(retry_after))
        if status in (401, 403):  # the server's words are left out: they may hold a part of the credential
            remedy = (
                f"check the value of the environment variable {self._api_key_env}"
                if self._api_key_env
                else "name the environment variable that holds its credential (`api_key_env`)"
            )
            return ModelServerError(f"{self._where()}: HTTP {status}, access denied; {remedy}.")
        if status == 404:
            return ModelServerError(
                f"{self._where()}: HTTP 404, no such model or address; `{self._root}/v1/models` lists the names it "
                f"serves. It says: {message}"
            )
        return ModelServerError(
            f"{self._where()}: HTTP {status}, which a chat endpoint does not give. It says: {message}"
        )


def _root(endpoint: str) -> str:
    """Normalise an endpoint to its root, without `/v1`."""
    try:
        parts = urlsplit(endpoint.strip())
        port = parts.port
    except ValueError:
        raise RecipeError("endpoint: not an address; right would be http://127.0.0.1:8000") from None
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise RecipeError(
            f"endpoint: the address of {parts.hostname} holds a user, a password, a query or a fragment; give the "
            "plain address, and the name of an environment variable for the credential (`api_key_env`)"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise RecipeError(f"endpoint: {endpoint!r} is not an http(s) address; right would be http://127.0.0.1:8000")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    path = parts.path.rstrip("/").removesuffix("/v1").rstrip("/")
    return f"{parts.scheme}://{host}{'' if port is None else f':{port}'}{path}"


def _reason(status: int, message: str, param: object) -> str:
    """The stable word for a refusal. vLLM names the parameter; other servers only say it."""
    if param in ("max_tokens", "max_completion_tokens"):
        return "max_tokens_too_large"
    too_long = status == 413 or param == "input_tokens" or TOO_LONG.search(message)
    return "prompt_too_long" if too_long else "bad_request"


async def _read(response: "aiohttp.ClientResponse", limit: int) -> bytes | None:
    """The body, or None when it is larger than the limit."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_chunked(1 << 16):
        size += len(chunk)
        if size > limit:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


def _parse(raw: bytes | None) -> Any:
    """The body as JSON, or None when it is none."""
    try:
        return None if raw is None else json.loads(raw)
    except (ValueError, RecursionError):
        return None


def _answer(raw: bytes | None) -> Answer:
    """What a body of status 200 says.

    Raises:
        RequestRefused: The server answered, but there is no usable text in it.
        _PassingError: This is not the answer of a chat endpoint, or the server gave the request up.
    """
    if raw is None:
        raise RequestRefused("malformed_answer", f"the answer is larger than {LARGEST_ANSWER >> 20} MiB")
    reply = _parse(raw)
    if not isinstance(reply, dict):
        raise _PassingError("it answers with something that is not a JSON object")
    choices = reply.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise _PassingError("it answers without choices[0].message")
    finish_reason = choice.get("finish_reason")
    if finish_reason == "abort":
        raise _PassingError("it gave the request up (finish_reason abort)")
    if finish_reason == "content_filter":
        raise RequestRefused("content_filter", "the server's content filter withheld the answer")
    text = message.get("content")
    if not isinstance(text, str) or finish_reason not in ("stop", "length"):
        ended = _KNOWN.get(str(finish_reason), "unknown")
        raise RequestRefused(
            "malformed_answer",
            f"content is {type(text).__name__}, finish_reason is {ended}; a text ended by stop or length is needed "
            "(a reasoning or tool parser in the server may hold it back)",
        )
    try:
        text.encode()
    except UnicodeEncodeError:
        raise RequestRefused("malformed_answer", "the text holds half a surrogate pair and is no Unicode") from None
    usage = reply.get("usage")
    return Answer(text, finish_reason, _count(usage, "prompt_tokens"), _count(usage, "completion_tokens"))


def _count(usage: Any, key: str) -> int:
    value = usage.get(key) if isinstance(usage, dict) else None
    return value if isinstance(value, int) and value >= 0 else 0


def _words(raw: bytes | None) -> tuple[str, Mapping[str, Any]]:
    """What a server says went wrong, and the fields it says it in.

    vLLM: `{"error": {"message", "type", "param", "code"}}`, but a string as `error` for 401; FastAPI: `detail`.
    """
    reply = _parse(raw)
    if not isinstance(reply, dict):
        return (raw or b"").decode(errors="replace").strip(), {}
    error = reply.get("error", reply)
    if not isinstance(error, dict):
        return str(error), {}
    message = error.get("message", error.get("detail"))
    return str(message if message is not None else error), error


def _seconds(retry_after: str | None) -> float | None:
    """A Retry-After header, seconds or a date, as seconds from now."""
    if retry_after is None:
        return None
    try:
        return float(retry_after) if retry_after.strip().isdigit() else _until(parsedate_to_datetime(retry_after))
    except ValueError:
        return None


def _until(moment: datetime) -> float:
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def _pause(attempt: int, asked_s: float | None) -> float:
    """Seconds before the next try: doubling with jitter, never less than the server asked for, up to a limit.

    Jitter only: this randomness decides when a request is sent and never what it holds.
    """
    backoff = FIRST_PAUSE_S * 2.0 ** (attempt - 1) * random.uniform(0.5, 1.0)
    return min(LONGEST_PAUSE_S, backoff if asked_s is None else asked_s + backoff / 2)
