"""A plain client: the same questions, at the same concurrency, with nothing of the product between."""

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from storage.ports import free_port

NAME = "model"
START_S = 900


@dataclass(frozen=True)
class Reply:
    """What came back.

    Attributes:
        text: The answer.
        tokens: Tokens written.
        began: When it was asked, seconds of a clock that all share.
        ended: When its last byte was there.
    """

    text: str
    tokens: int
    began: float
    ended: float


@contextlib.contextmanager
def served(model: Path, max_model_len: int, log: Path) -> Iterator[str]:
    """Serve a model with `nightschool serve-model` and return the address, until the block is left.

    Raises:
        RuntimeError: It did not start.
    """
    port = free_port()
    command = [sys.executable, "-m", "flows.cli", "serve-model", str(model), "--port", str(port), "--name", NAME]
    with log.open("wb") as output:
        server = subprocess.Popen(
            [*command, "--max-model-len", str(max_model_len)], stdout=output, stderr=subprocess.STDOUT
        )
    root = f"http://127.0.0.1:{port}"
    try:
        asyncio.run(_healthy(root, server, log))
        yield root
    finally:
        server.terminate()
        server.wait(120)


async def _healthy(root: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    began = time.monotonic()
    async with aiohttp.ClientSession() as session:
        while time.monotonic() - began < START_S:
            if server.poll() is not None:
                raise RuntimeError(f"serve-model ended with {server.returncode}; see {log}")
            with contextlib.suppress(aiohttp.ClientError, OSError):
                async with session.get(f"{root}/health") as response:
                    if response.status == 200:
                        return
            await asyncio.sleep(0.5)
    raise RuntimeError(f"serve-model was not healthy after {START_S} s; see {log}")


def ask(root: str, bodies: Sequence[Mapping[str, Any]], concurrency: int) -> list[Reply]:
    """Ask for every body at once, as many open as `concurrency` says, and return the replies in order."""

    async def all_of_them() -> list[Reply]:
        places = asyncio.Semaphore(concurrency)
        async with _session() as session:
            return list(await asyncio.gather(*(_one(session, root, body, places) for body in bodies)))

    return asyncio.run(all_of_them())


@contextlib.asynccontextmanager
async def _session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=3_600), connector=aiohttp.TCPConnector(limit=0)
    ) as session:
        yield session


async def _one(session: aiohttp.ClientSession, root: str, body: Mapping[str, Any], places: asyncio.Semaphore) -> Reply:
    async with places:
        began = time.monotonic()
        async with session.post(f"{root}/v1/chat/completions", json={"model": NAME, **body}) as response:
            response.raise_for_status()
            answer = await response.json()
        return Reply(
            answer["choices"][0]["message"]["content"] or "",
            answer["usage"]["completion_tokens"],
            began,
            time.monotonic(),
        )


def rate(spans: Sequence[tuple[float, float, int]], share: float = 0.9) -> float:
    """Return tokens a second until the moment by which `share` of all tokens was written: what comes after is the tail.

    Args:
        spans: Of each answer when it began, when it ended, and how many tokens it has; written at an even pace.
        share: The part that counts.
    """
    start = min(began for began, _, _ in spans)
    total = sum(tokens for _, _, tokens in spans)
    low, high = start, max(ended for _, ended, _ in spans)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if _written(spans, middle) >= share * total else (middle, high)
    return share * total / (high - start)


def _written(spans: Sequence[tuple[float, float, int]], moment: float) -> float:
    return sum(
        tokens * min(1.0, max(0.0, (moment - began) / max(ended - began, 1e-9))) for began, ended, tokens in spans
    )
