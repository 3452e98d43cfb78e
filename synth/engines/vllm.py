"""Answers from vLLM, or any servers that speak OpenAI's chat completions, over HTTP; and scores of texts (`scoring.py`).

One request per sample (n = 1), so that every sample has its own seed, its own key in the ledger and its own failure.
aiohttp with a bytes body costs 0.3 ms of CPU per request, a tenth of openai's client or httpx.

A request that fails is asked again after a pause, and only so often. Then, or when it is refused for good, the question
is whether the request is at fault or the server. Answers to others since then tell; where there are none, a canary (one
token, outside the ledger) does. A request at fault fails alone; a server at fault is waited for, or stops the run. One that
kills its server each time is found too (`suspects.py`), and one that was forgotten is asked again early (`overdue.py`).

A completion that the server cut before `max_tokens` is refused: prompt and `max_tokens` did not fit its context, so the
server's `max_model_len` would have changed the answer, and that is not a part of the content key.

Not covered: HTTP proxies, streaming, servers that serve the model of one role under different names.
"""

import asyncio
import json
import os
import random
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import aiohttp

from storage.errors import ModelServerError, RecipeError
from synth.engines import collector
from synth.engines.adaptive import read_queue
from synth.engines.base import Answer, Request, RequestRefused
from synth.engines.fleet import LOOK_S, Fleet, Member
from synth.engines.overdue import Overdue
from synth.engines.scoring import PATH, read_score, score_body
from synth.engines.suspects import Item, Quarantine
from synth.engines.wire import (
    DENIED,
    LARGEST_ANSWER,
    LARGEST_ERROR,
    Kind,
    Trouble,
    read_answer,
    read_body,
    read_failure,
    root_of,
)

TRUST_S = 60.0
"""An answer this fresh vouches for the server when it refuses a request as malformed or too long."""
MOST_CONCURRENCY = 1024
"""Requests open at one endpoint that gives no number and tells its queue."""

FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 60.0
CONNECT_S = 10.0
PROBE_LIMIT_S = 60.0
KEEPALIVE_S = 4.0  # uvicorn closes an idle connection after 5 s; a reused one must be younger
CANARY = {"messages": [{"role": "user", "content": "Say yes."}], "temperature": 0.0, "max_tokens": 1, "seed": 0}

Revive = Callable[[], Awaitable[None]]


class Vllm:
    """One model behind one or more OpenAI-compatible endpoints.

    Args:
        endpoint: Root of the server, for example `http://127.0.0.1:8000`, or several; a final `/v1` may be there or not.
        name: The name they serve the model under.
        identity: The digest of the weights, or `name@revision` as declared: what enters the content key. A served
            name is an alias that may point elsewhere tomorrow, so it never takes this place.
        concurrency: Requests to keep open at each endpoint at most; None takes what its queue allows.
        api_key_env: Name of the environment variable with the credential, read at each use.
        timeout_s: Limit for one try, from connecting to the last byte.
        outage_s: How long all endpoints may be away before the run stops.
        revive: Called before each sign of life is asked for; may put the server right.

    Raises:
        RecipeError: An endpoint is not an http(s) address, or holds a credential.
    """

    reads_problem = False
    scores_text = True

    def __init__(
        self,
        endpoint: str | Sequence[str],
        name: str,
        identity: str,
        concurrency: int | None = 64,
        api_key_env: str | None = None,
        timeout_s: float = 600,
        outage_s: float = 600,
        revive: Revive | None = None,
    ) -> None:
        roots = [root_of(one) for one in ([endpoint] if isinstance(endpoint, str) else endpoint)]
        if not roots:
            raise RecipeError("endpoint: the list is empty; right would be http://127.0.0.1:8000")
        cap = concurrency or MOST_CONCURRENCY
        self.fleet = Fleet(roots, cap, concurrency is not None, self._probe, outage_s)
        self._name = name
        self._identity = identity
        self._concurrency = cap * len(self.fleet.members)
        self._api_key_env = api_key_env
        self._timeout_s = timeout_s
        self._revive = revive
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._looks: set[asyncio.Task[None]] = set()
        self._overdue = Overdue()
        self._quarantine = Quarantine()
        self._closings = 0

    @property
    def model(self) -> str:
        """The identity given by whoever made this engine."""
        return self._identity

    @property
    def concurrency(self) -> int:
        """Requests it can use at once; how many are really open follows the servers."""
        return self._concurrency

    async def answer(self, request: Request) -> Answer:
        """Ask a server, again when what went wrong may pass.

        Raises:
            RequestRefused: `prompt_too_long`, `max_tokens_too_large`, `context_full`, `bad_request`, `access_denied`,
                `not_found`, `server_error`, `kills_server`, `no_answer`, `too_busy`, `content_filter` or
                `malformed_answer`.
            ModelServerError: No server can be reached, or none knows the model or the credential.
        """
        self._connect()
        texts = tuple(message["content"] for message in request.messages)
        most = sum(map(len, texts)) if request.scores else request.sampling.max_tokens
        item = Item(self._body(request), texts, most, time.monotonic(), scores=request.scores)
        member: Member | None = None
        pauses, closings = 0, self._closings
        while closings == self._closings:
            member, began, outcome = await self._ask(item, avoid=member)
            if isinstance(outcome, Answer):
                return _checked(outcome, request)
            if item.count(outcome.kind, member, began, time.monotonic()) or outcome.kind is Kind.FINAL:
                await self._settle(member, item, began, outcome)
            if outcome.kind is not Kind.AWAY:
                pauses += 1
                await asyncio.sleep(pause(pauses, outcome.pause_s))
        raise self._closed()

    def _closed(self) -> ModelServerError:
        return ModelServerError(f"model {self._name!r}: the engine was closed while a request was open")

    async def _ask(self, item: Item, avoid: Member | None) -> tuple[Member, float, Answer | Trouble]:
        """Ask once, wherever there is room; one that was open when servers died waits for its turn among its like.

        Raises:
            RequestRefused: It is what kills them, or the answer says so.
        """
        member = await self.fleet.enter(avoid=avoid)
        began = time.monotonic()
        try:
            gate = self._quarantine.gate(item)  # what died is known only once a place is free again
        except RequestRefused:
            self.fleet.leave(member, began, None)
            raise
        if gate is None:
            return member, began, await self._try(member, item)
        self.fleet.leave(member, began, None)
        closings = self._closings
        async with gate:
            if closings != self._closings:
                raise self._closed()
            member = await self.fleet.enter(avoid=avoid)
            began = time.monotonic()
            outcome = await self._try(member, item)
            # A dying server resets connections a moment before it stops to listen: the next one must not meet that death.
            lost = isinstance(outcome, Trouble) and outcome.kind in (Kind.LOST, Kind.FAILED)
            if lost and await self.fleet.examine(member) is not None:
                self.fleet.set_aside(member)
            return member, began, outcome

    async def _try(self, member: Member, item: Item) -> Answer | Trouble:
        """Ask once at a place that was entered, and leave it.

        Raises:
            RequestRefused: The answer says so.
        """
        began = time.monotonic()
        scope = asyncio.timeout(None)
        one = self._overdue.begin(member, item.tokens, None if item.silent else scope)
        answer: Answer | None = None
        try:
            async with scope:
                answer = await self._once(member.root, item.body, item.texts, self._timeout_s, item.scores)
        except Trouble as trouble:
            self.fleet.leave(member, began, trouble)
            return trouble
        except RequestRefused:
            self.fleet.leave(member, began, None, answered=True)
            raise
        except TimeoutError:
            lost = Trouble(Kind.SILENT, f"no answer after {time.monotonic() - began:.0f} s, far more than others took")
            self.fleet.leave(member, began, lost)
            return lost
        except BaseException:
            self.fleet.leave(member, began, None)
            raise
        finally:
            self._overdue.end(one, answer)
        self.fleet.leave(member, began, None, answered=True)
        if not member.limit.known and began - member.looked_at > LOOK_S:
            self._look(member, began)
        return answer

    async def _settle(self, member: Member, item: Item, began: float, failure: Trouble) -> None:
        """Decide who is at fault; return when only another try can tell.

        Raises:
            RequestRefused: The request: the server answers others.
            ModelServerError: The server refuses even the simplest request.
        """
        denied = failure.status in DENIED  # a key may have been withdrawn since the last answer: only a canary tells
        since = item.began - TRUST_S if failure.kind is Kind.FINAL and not denied else began
        if (denied or member.answered_at < since) and member.vouched_at < since:
            trouble = await self.fleet.examine(member)
            if trouble is not None:
                self.fleet.set_aside(member)
                return
        reason = {Kind.SILENT: "no_answer", Kind.BUSY: "too_busy"}.get(failure.kind, "server_error")
        words = f"{failure} ({item.tries} tries)"
        if failure.kind is Kind.LOST and item.deaths >= 2:
            reason = "kills_server"
        if failure.kind is Kind.FINAL:
            reason, words = failure.reason, str(failure)
        raise RequestRefused(reason, words)

    async def close(self) -> None:
        """Close the connections; requests still open end with an error. The engine may be used again afterwards."""
        session, self._session, self._loop = self._session, None, None
        self._closings += 1
        self._overdue.stop()
        for look in self._looks:
            look.cancel()
        await self.fleet.close()
        if session is not None:
            collector.let_go()
            await session.close()

    def _where(self, root: str) -> str:
        return f"model server {root} (model {self._name!r})"

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
        if request.scores:
            payload = score_body(self._name, request.messages[-1]["content"])
        if sampling.stop:
            payload["stop"] = list(sampling.stop)
        try:
            if sampling.schema is not None:
                form = {"name": "answer", "schema": json.loads(sampling.schema), "strict": True}
                payload["response_format"] = {"type": "json_schema", "json_schema": form}
            return json.dumps(payload, ensure_ascii=False, allow_nan=False).encode()
        except UnicodeEncodeError:
            raise RequestRefused("bad_request", "a message holds half a surrogate pair and is no Unicode") from None
        except ValueError:
            raise RequestRefused("bad_request", "a sampling parameter is not a number, or the schema no JSON") from None

    def _credential(self) -> str | None:
        if self._api_key_env is None:
            return None
        value = os.environ.get(self._api_key_env, "").strip()
        if not value:
            raise ModelServerError(
                f"model {self._name!r}: the environment variable {self._api_key_env} (its credential) is not set or empty."
            )
        if not (value.isascii() and value.isprintable()):
            raise ModelServerError(
                f"model {self._name!r}: what the environment variable {self._api_key_env} holds is no credential "
                "(line breaks or letters outside ASCII)."
            )
        return value

    def _connect(self) -> aiohttp.ClientSession:
        """The session of the running loop: an engine may outlive an `asyncio.run`, a session may not."""
        loop = asyncio.get_running_loop()
        if self._session is None or self._session.closed or self._loop is not loop:
            if self._loop is not loop:
                self.fleet.forget()
                self._looks.clear()
                self._overdue, self._quarantine = Overdue(), Quarantine()
            if self._session is None:
                collector.hold()
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEPALIVE_S, socket_factory=_watched_socket),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"Content-Type": "application/json"},
            )
            self._loop = loop
        return self._session

    async def _once(self, root: str, body: bytes, texts: Sequence[str], limit_s: float, scores: bool = False) -> Answer:
        credential = self._credential()
        headers = {"Authorization": f"Bearer {credential}"} if credential is not None else None
        began = time.monotonic()
        try:
            # A redirect is not followed: it would carry the credential to a host nobody named.
            async with self._connect().post(
                f"{root}{PATH if scores else '/v1/chat/completions'}",
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=limit_s, sock_connect=CONNECT_S),
            ) as response:
                status = response.status
                raw = await read_body(response, LARGEST_ANSWER if status == 200 else LARGEST_ERROR)
        except aiohttp.ClientConnectorError as error:
            raise Trouble(Kind.AWAY, f"no connection ({error.strerror or type(error).__name__})") from None
        except aiohttp.ConnectionTimeoutError:
            raise Trouble(Kind.AWAY, f"no connection within {CONNECT_S:g} s") from None
        except TimeoutError:
            raise Trouble(Kind.SILENT, f"no answer within {limit_s:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise Trouble(Kind.LOST, f"the connection broke ({type(error).__name__})") from None
        if status == 200:
            return (read_score if scores else read_answer)(raw, time.monotonic() - began)
        raise read_failure(status, raw, response.headers.get("Retry-After"), credential, texts)

    async def _probe(self, member: Member) -> None:
        """Ask for a sign of life: health first, which costs nothing, then one token."""
        if self._revive is not None:
            await self._revive()
        try:
            timeout = aiohttp.ClientTimeout(total=CONNECT_S)
            async with self._connect().get(f"{member.root}/health", allow_redirects=False, timeout=timeout) as response:
                if response.status >= 500:
                    raise Trouble(Kind.FAILED, f"/health says HTTP {response.status}")
        except aiohttp.ClientConnectorError as error:
            raise Trouble(Kind.AWAY, f"no connection ({error.strerror or type(error).__name__})") from None
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Trouble(Kind.AWAY, f"no connection ({type(error).__name__})") from None
        body = json.dumps({"model": self._name, **CANARY}).encode()
        try:
            await self._once(member.root, body, (), min(self._timeout_s, PROBE_LIMIT_S))
        except RequestRefused:
            return  # it answered
        except Trouble as trouble:
            if trouble.kind is not Kind.FINAL:
                raise
            raise self._refusal(member.root, trouble) from None

    def _refusal(self, root: str, trouble: Trouble) -> ModelServerError:
        """The sentence for a server that refuses even the canary."""
        where = self._where(root)
        if trouble.status in (401, 403):
            remedy = (
                f"check the value of the environment variable {self._api_key_env}"
                if self._api_key_env
                else "name the environment variable that holds its credential (`api_key_env`)"
            )
            return ModelServerError(f"{where}: HTTP {trouble.status}, access denied; {remedy}.")
        if trouble.status == 404:
            return ModelServerError(
                f"{where}: no such model or address; `{root}/v1/models` lists the names it serves. It says: {trouble}"
            )
        return ModelServerError(f"{where} refuses even the simplest request. It says: {trouble}")

    def _look(self, member: Member, clock: float) -> None:
        """Ask for the length of the queue, beside the requests."""
        member.looked_at = clock
        task = asyncio.ensure_future(self._read_queue(member))
        self._looks.add(task)
        task.add_done_callback(self._looks.discard)

    async def _read_queue(self, member: Member) -> None:
        queue = None
        try:
            await asyncio.sleep(random.uniform(0, LOOK_S / 2))  # not in step with the answers
            timeout = aiohttp.ClientTimeout(total=CONNECT_S)
            async with self._connect().get(
                f"{member.root}/metrics", allow_redirects=False, timeout=timeout
            ) as response:
                if response.status == 200:
                    queue = read_queue(await read_body(response, 4 << 20) or b"")
        except (aiohttp.ClientError, OSError, TimeoutError):
            return
        if queue is None:
            member.looked_at = float("inf")
        else:
            member.limit.told_queue(*queue, member.outstanding)


def _checked(answer: Answer, request: Request) -> Answer:
    sampling = request.sampling
    if answer.finish_reason == "length" and 0 < answer.completion_tokens < sampling.max_tokens:
        raise RequestRefused(
            "context_full",
            f"the server cut the answer after {answer.completion_tokens} of {sampling.max_tokens} tokens: with a prompt "
            f"of {answer.prompt_tokens} tokens its context (max_model_len) is full",
        )
    return answer


def _watched_socket(address: Any) -> socket.socket:
    """A socket that notices within a minute when the other machine is gone without a word."""
    family, kind, protocol, *_ = address
    made = socket.socket(family=family, type=kind, proto=protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return made


def pause(attempt: int, asked_s: float | None) -> float:
    """Seconds before the next try: doubling with jitter, never less than the server asked for, up to a limit.

    Jitter only: this randomness decides when a request is sent and never what it holds.
    """
    backoff = FIRST_PAUSE_S * 2.0 ** min(attempt - 1, 8) * random.uniform(0.5, 1.0)
    return min(LONGEST_PAUSE_S, backoff if asked_s is None else asked_s + backoff / 2)
