"""A chat endpoint that answers from a script, and a question to it through the vLLM engine."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, cast

from aiohttp import web

from synth.engines.base import Answer, Message, Request, Sampling
from synth.engines.transport import CANARY
from synth.engines.vllm import Vllm
from synth.problems.base import Problem


def chat(text: str | None = "hello", finish_reason: str | None = "stop", **more: Any) -> dict[str, Any]:
    """A body as a chat endpoint gives it."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish_reason}
    return {"choices": [choice], "usage": {"prompt_tokens": 7, "completion_tokens": 3}} | more


@dataclass
class Reply:
    """One scripted answer: a status and a body, or a dropped or silent connection."""

    status: int = 200
    body: Any = field(default_factory=chat)
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    wait_s: float = 0.0


@dataclass
class Endpoint:
    """A real HTTP server that answers from a script; its last reply is repeated.

    The question of the prober (the canary) is not a part of the script: it is answered by `canary`.
    """

    url: str
    replies: list[Reply]
    canary: Reply = field(default_factory=Reply)
    canaries: int = 0
    seen: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        asked = json.loads(await request.read())
        if asked["messages"] == CANARY["messages"]:
            self.canaries += 1
            reply = self.canary
        else:
            self.seen.append(asked)
            self.headers.append(dict(request.headers))
            reply = self.replies[min(len(self.seen), len(self.replies)) - 1]
        await asyncio.sleep(reply.wait_s)
        if reply.drop:
            assert request.transport is not None
            request.transport.close()
        body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        return web.Response(status=reply.status, body=body, headers=reply.headers)


@contextlib.asynccontextmanager
async def scripted(*replies: Reply, canary: Reply | None = None) -> AsyncIterator[Endpoint]:
    """Serve a script on a free port."""
    endpoint = Endpoint("", list(replies) or [Reply()], canary or Reply())
    app = web.Application()
    app.router.add_post("/v1/chat/completions", endpoint.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    endpoint.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield endpoint
    finally:
        await runner.cleanup()


def ask(text: str = "2 + 2?", seed: int = 1, **sampling: Any) -> Request:
    messages = cast("tuple[Message, ...]", ({"role": "user", "content": text},))
    return Request(messages, Sampling(**sampling), seed, act="solve", problem=cast("Problem", None))


async def once(*replies: Reply, request: Request | None = None, **options: Any) -> tuple[Answer, list[dict[str, Any]]]:
    """Ask a scripted server one question; returns the answer and what the server saw."""
    async with scripted(*replies) as endpoint:
        engine = Vllm(endpoint.url, "tiny", "digest", **options)
        try:
            return await engine.answer(request or ask()), endpoint.seen
        finally:
            await engine.close()
