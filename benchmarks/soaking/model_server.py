"""An OpenAI-compatible chat server that solves the arithmetic it is asked, and keeps book of what it has fully answered.

    python -m benchmarks.soaking.model_server PORT BOOK SECONDS

A line of the book is `time seed`; a request's seed is made from its content, so the same call asked again has the same one.
One answer in ten is wrong, always the same ones, so that there is something to reject.
"""

import asyncio
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

from aiohttp import web

NAME = "stand-in"
_PROBLEM = re.compile(r"\w+ has (\d+) \w+, (.*?)\. How many are left\?")
_STEP = re.compile(r"(finds|buys|gets|loses|sells|drops) (\d+)")


def solve(text: str, seed: int) -> str:
    """Write the steps of the last problem in a text, and its answer."""
    problem = _PROBLEM.search(text)
    if problem is None:
        return "yes"
    value, lines = int(problem[1]), []
    for verb, amount in _STEP.findall(problem[2]):
        sign = "+" if verb in ("finds", "buys", "gets") else "-"
        after = value + int(amount) if sign == "+" else value - int(amount)
        lines.append(f"{value} {sign} {amount} = {after}")
        value = after
    return "\n".join([*lines, f"#### {value + (seed % 10 == 0)}"])


def reply(text: str, seed: int) -> str:
    """Solve, or correct where a student's attempt is to be checked."""
    if "attempt:" not in text:
        return solve(text, seed)
    return f"Check: wrong\nFirst wrong step: 1\nWhy: It is not what the problem says.\nCorrected:\n{solve(text, 1)}"


def application(book: Path, seconds: float) -> web.Application:
    """Make the server."""
    file = os.open(book, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    async def chat(request: web.Request) -> web.Response:
        asked: dict[str, Any] = await request.json()
        seed, text = int(asked["seed"]), asked["messages"][-1]["content"]
        answer = reply(text, seed)
        await asyncio.sleep(seconds)
        if _PROBLEM.search(text):
            os.write(file, f"{time.time():.3f} {seed}\n".encode())
        message = {"role": "assistant", "content": answer}
        usage = {"prompt_tokens": len(text.split()), "completion_tokens": len(answer.split())}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return web.json_response({"object": "chat.completion", "model": NAME, "choices": [choice], "usage": usage})

    async def models(_: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": NAME, "object": "model"}]})

    async def health(_: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.add_routes([web.post("/v1/chat/completions", chat), web.get("/v1/models", models), web.get("/health", health)])
    return app


async def serve(port: int, book: Path, seconds: float) -> None:
    """Serve until killed; the port is printed."""
    runner = web.AppRunner(application(book, seconds), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    print(json.dumps(runner.addresses[0][1]), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])))
