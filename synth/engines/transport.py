"""HTTP to the endpoints of one model: one question, and its answer or what went wrong. Who asks again is in `vllm.py`.

aiohttp with a bytes body costs 0.3 ms of CPU per request, a tenth of openai's client or httpx. The session belongs to the
running event loop. A credential is read from the environment at each use and is in no error.
"""

import asyncio
import json
import os
import socket
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import aiohttp

from storage.errors import ModelServerError
from synth.engines import collector
from synth.engines.adaptive import read_queue
from synth.engines.base import Answer, RequestRefused
from synth.engines.body import LARGEST_ANSWER, LARGEST_ERROR, read_body
from synth.engines.chat_answer import read_chat_answer
from synth.engines.credentials import redact
from synth.engines.scoring import PATH, read_score
from synth.engines.wire import WANTS_COMPLETION_TOKENS, Kind, Trouble, read_failure

CONNECT_S = 10.0
PROBE_LIMIT_S = 60.0
KEEPALIVE_S = 4.0  # uvicorn closes an idle connection after 5 s; a reused one must be younger
LARGEST_METRICS = 4 << 20
COMPLETION_LIMIT = "max_completion_tokens"
CANARY = {"messages": [{"role": "user", "content": "Say yes."}], "temperature": 0.0, "seed": 0}


class Transport:
    """Sends questions to the endpoints of one model.

    Args:
        name: The name they serve the model under.
        api_key_env: Name of the environment variable with the credential; None sends none.
        timeout_s: Limit for one question, from connecting to the last byte.

    Attributes:
        limit_key: What the servers call the upper bound on an answer's tokens.
    """

    def __init__(self, name: str, api_key_env: str | None, timeout_s: float) -> None:
        self._name = name
        self._api_key_env = api_key_env
        self._timeout_s = timeout_s
        self.limit_key = "max_tokens"
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def is_open(self) -> bool:
        """Whether it has a session."""
        return self._session is not None

    def open(self) -> bool:
        """Be ready to ask in the running loop; True when that is another loop than before."""
        loop = asyncio.get_running_loop()
        moved = self._loop is not loop
        if moved or self._session is None or self._session.closed:
            if self._session is None:
                collector.hold()
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEPALIVE_S, socket_factory=_watched_socket),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"Content-Type": "application/json"},
            )
            self._loop = loop
        return moved

    async def close(self) -> None:
        """Close the connections; it may be opened again."""
        session, self._session, self._loop = self._session, None, None
        if session is not None:
            collector.let_go()
            await session.close()

    async def ask(
        self,
        root: str,
        body: bytes,
        texts: Sequence[str],
        *,
        scores: bool = False,
        tools: bool = False,
        limit_s: float | None = None,
    ) -> Answer:
        """Send one question.

        Args:
            root: Address of the endpoint.
            body: The question as JSON.
            texts: The prompt's texts, which no error may quote.
            scores: Whether a text is to be scored rather than a chat answered.
            tools: Whether the question offers tools.
            limit_s: Another limit than `timeout_s`.

        Raises:
            Trouble: No usable answer came; another try may help, or not, as it says.
            RequestRefused: The answer itself says that there will never be one.
            ModelServerError: The environment holds no credential that can be sent.
        """
        credential, limit = self._credential(), limit_s or self._timeout_s
        headers = {"Authorization": f"Bearer {credential}"} if credential is not None else None
        began = time.monotonic()
        try:
            # A redirect is not followed: it would carry the credential to a host nobody named.
            async with self._opened().post(
                f"{root}{PATH if scores else '/v1/chat/completions'}",
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=limit, sock_connect=CONNECT_S),
            ) as response:
                status = response.status
                raw = await read_body(response, LARGEST_ANSWER if status == 200 else LARGEST_ERROR)
        except aiohttp.ClientConnectorError as error:
            raise Trouble(Kind.AWAY, f"no connection ({error.strerror or type(error).__name__})") from None
        except aiohttp.ConnectionTimeoutError:
            raise Trouble(Kind.AWAY, f"no connection within {CONNECT_S:g} s") from None
        except TimeoutError:
            raise Trouble(Kind.SILENT, f"no answer within {limit:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise Trouble(Kind.LOST, f"the connection broke ({type(error).__name__})") from None
        if status == 200:
            seconds = time.monotonic() - began
            try:
                quoted: dict[str, Any] = {"credential": credential, "texts": texts}
                answer = (
                    read_score(raw, seconds, **quoted)
                    if scores
                    else read_chat_answer(raw, seconds, **quoted, tools=tools)
                )
                return without_credential(answer, credential)
            except RequestRefused as refused:
                if refused.paid is not None:
                    refused.paid = without_credential(refused.paid, credential)
                raise
        raise read_failure(status, raw, response.headers.get("Retry-After"), credential, texts)

    async def probe(self, root: str) -> None:
        """Ask for a sign of life: health first, which costs nothing, then one token.

        Raises:
            Trouble: There is none.
            ModelServerError: The server refuses even the simplest request, so waiting is of no use.
        """
        try:
            async with self._get(f"{root}/health") as response:
                if response.status >= 500:
                    raise Trouble(Kind.FAILED, f"/health says HTTP {response.status}")
        except aiohttp.ClientConnectorError as error:
            raise Trouble(Kind.AWAY, f"no connection ({error.strerror or type(error).__name__})") from None
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Trouble(Kind.AWAY, f"no connection ({type(error).__name__})") from None
        limit_key = self.limit_key
        body = json.dumps({"model": self._name, **CANARY, limit_key: 1}).encode()
        try:
            await self.ask(root, body, (), limit_s=min(self._timeout_s, PROBE_LIMIT_S))
        except RequestRefused:
            return  # it answered
        except Trouble as trouble:
            if trouble.kind is not Kind.FINAL:
                raise
            if self.rename_limit(trouble, limit_key):
                return await self.probe(root)
            raise self._refusal(root, trouble) from None

    def rename_limit(self, trouble: Trouble, sent: str) -> bool:
        """Follow a server that wants `max_completion_tokens`; True when it is to be asked again under the new name.

        Args:
            trouble: What it answered.
            sent: The name it was asked under.
        """
        if trouble.reason != WANTS_COMPLETION_TOKENS or sent == COMPLETION_LIMIT:
            return False
        self.limit_key = COMPLETION_LIMIT
        return True

    async def queue(self, root: str) -> tuple[int, int] | None:
        """Ask how many requests are running and waiting; None when the server tells none.

        Raises:
            Trouble: It could not be asked.
        """
        try:
            async with self._get(f"{root}/metrics") as response:
                return read_queue(await read_body(response, LARGEST_METRICS) or b"") if response.status == 200 else None
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Trouble(Kind.AWAY, f"no connection ({type(error).__name__})") from None

    def _opened(self) -> aiohttp.ClientSession:
        self.open()
        assert self._session is not None
        return self._session

    def _get(self, address: str) -> Any:
        timeout = aiohttp.ClientTimeout(total=CONNECT_S)
        return self._opened().get(address, allow_redirects=False, timeout=timeout)

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

    def _refusal(self, root: str, trouble: Trouble) -> ModelServerError:
        """The sentence for a server that refuses even the canary."""
        where = f"model server {root} (model {self._name!r})"
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


def without_credential(answer: Answer, credential: str | None) -> Answer:
    """Return an answer that quotes nothing of the credential it was asked with."""
    if credential is None:
        return answer
    text, reasoning = redact(answer.text, credential), redact(answer.reasoning, credential)
    if text is answer.text and reasoning is answer.reasoning:
        return answer
    return replace(answer, text=text, reasoning=reasoning)


def _watched_socket(address: Any) -> socket.socket:
    """A socket that notices within a minute when the other machine is gone without a word."""
    family, kind, protocol, *_ = address
    connection = socket.socket(family=family, type=kind, proto=protocol)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return connection
