"""Asks a hostile server as a night does, with a credential and a budget of five calls, and looks at what is left of it."""

import asyncio
import functools
import gzip
import html
import json
import os
import re
import resource
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from storage.errors import BudgetError, ModelServerError
from storage.ledger.ledger import Ledger, Spent
from synth.calls.ask import Asker, Budget
from synth.calls.models import Models
from synth.calls.prompting import Prompts
from synth.engines import fleet, vllm
from synth.engines.base import RequestRefused
from synth.engines.vllm import Vllm
from synth.problems import open_source

KEY = "sk-attack/4fZk9Qw7Yx2LmN8vB3tR6u"
VARIABLE = "ATTACKED_KEY"
CALLS = 5
PATIENCE_S = 240.0
"""How long an attack may keep the night: the engine gives a try 2 s, or what the attack says (`try_s`) where much is sent."""
WAITS_S = 20.0
"""The same for one that may keep it waiting (`waits`)."""
MOST_MEMORY = 1 << 30
MOST_TOKENS = 1_000_000
NIGHT = "2026-01-01/attack"


class Server:
    """Answers every question of a chat with the bytes of one attack; the canary is answered well."""

    def __init__(self, entry: Mapping[str, Any], elsewhere: str) -> None:
        self.entry, self.elsewhere = entry, elsewhere
        self.asked = self.answered = self.sent = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection, then close it."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                (
                    int(line.split(b":")[1])
                    for line in head.lower().split(b"\r\n")
                    if line.startswith(b"content-length")
                ),
                0,
            )
            body = await reader.readexactly(length)
            if head.startswith(b"GET") or b"Say yes." in body:
                writer.write(http(json.dumps(chat("yes")).encode()))
            else:
                self.asked += 1
                await self._attack(writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _attack(self, writer: asyncio.StreamWriter) -> None:
        entry = self.entry
        if entry.get("drop"):
            return
        if "drip" in entry:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(entry["drip"])
        if entry.get("endless"):
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                writer.write(b"10000\r\n" + b" " * 65536 + b"\r\n")
                await writer.drain()
        self.answered += entry.get("status", 200) == 200
        answer = self._bytes()
        self.sent += len(answer)
        writer.write(answer)

    def _bytes(self) -> bytes:
        entry = self.entry
        if "raw" in entry:
            return self._filled(entry["raw"]).encode("utf-8", "surrogateescape")
        if "bomb" in entry:
            return http(bomb(entry["bomb"]), headers={"Content-Encoding": "gzip"})
        if "text" in entry:
            body: bytes = json.dumps(chat(self._filled(entry["text"]) * entry.get("times", 1))).encode()
        elif "python" in entry:
            body = eval(entry["python"], {"chat": chat, "json": json})  # noqa: S307 - our own data
        else:
            body = self._filled(json.dumps(entry["body"])).encode()
        headers = {name: self._filled(str(value)) for name, value in entry.get("headers", {}).items()}
        return http(body, entry.get("status", 200), headers)

    def _filled(self, text: str) -> str:
        for name, value in spellings(self.elsewhere).items():
            text = text.replace(f"<{name}>", value)
        return text


def spellings(elsewhere: str) -> dict[str, str]:
    """What may stand in an attack's data: the credential as it is and otherwise, and the address of a server nobody named."""
    import base64

    return {
        "key": KEY,
        "split": f"{KEY[:12]}\\n{KEY[12:]}",
        "spaced": " ".join(KEY),
        "quoted": quote(KEY, safe=""),
        "basic": base64.b64encode(f"user:{KEY}".encode()).decode(),
        "escapes": "".join(f"\\\\u{ord(letter):04x}" for letter in KEY),
        "half": KEY[:20],
        "hex": KEY.encode().hex(),
        "percent": "".join(f"%{ord(letter):02X}" for letter in KEY),
        "html": "".join(f"&#x{ord(letter):x};" for letter in KEY),
        "capitals": KEY.upper(),
        "tags": "<b>".join(KEY),
        "elsewhere": elsewhere,
    }


def chat(text: Any = "four", finish_reason: Any = "stop", **more: Any) -> dict[str, Any]:
    """A body as a chat endpoint gives it."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish_reason}
    return {"choices": [choice], "usage": {"prompt_tokens": 7, "completion_tokens": 3}} | more


@functools.cache
def bomb(size: int) -> bytes:
    """So many spaces, compressed."""
    return gzip.compress(b" " * size, 1)


def http(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> bytes:
    """A whole answer."""
    more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    return f"HTTP/1.1 {status} X\r\nConnection: close\r\n{more}Content-Length: {len(body)}\r\n\r\n".encode() + body


def attack(entry: Mapping[str, Any], folder: Path) -> str | None:
    """Ask the server of one attack eight questions; return what happened that must not."""
    os.environ[VARIABLE] = KEY
    if "bomb" in entry:
        bomb(entry["bomb"])
    vllm.FIRST_PAUSE_S, fleet.PROBE_S = 0.001, 0.02
    return asyncio.run(_attack(entry, folder))


async def _attack(entry: Mapping[str, Any], folder: Path) -> str | None:
    visits: list[bytes] = []

    async def visited(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visits.append(await reader.read(65536))
        writer.close()

    elsewhere = await asyncio.start_server(visited, "127.0.0.1", 0)
    server = Server(entry, f"http://127.0.0.1:{elsewhere.sockets[0].getsockname()[1]}")
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    problem = open_source("arithmetic", {"tiers": [1]}).draw(1, seed=1, tier=1)[0]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    engine = Vllm(address, "tiny", "tiny@1", 8, VARIABLE, entry.get("try_s", 2.0), 10.0)
    with Ledger(folder / "ledger.sqlite") as ledger:
        asker = Asker(ledger, {"student": engine}, Prompts(), night=NIGHT, budget=Budget(calls=CALLS))
        models = Models(asker, problem, 0)
        try:
            async with asyncio.timeout(WAITS_S if entry.get("waits") else PATIENCE_S):
                questions = (models.student("solve", sample=number, max_tokens=64) for number in range(8))
                outcomes = await asyncio.gather(*questions, return_exceptions=True)
        except TimeoutError:
            return None if entry.get("waits") else f"the night waited longer than {PATIENCE_S:.0f} s"
        finally:
            await engine.close()
            for listener in (listening, elsewhere):
                listener.close()
        spent, calls = ledger.spent(NIGHT), ledger.unpublished()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
    kept = (folder / "ledger.sqlite").read_bytes().decode(errors="replace")
    return _broken(entry, server, outcomes, kept, visits, spent, len(calls), grown)


def _broken(
    entry: Mapping[str, Any],
    server: Server,
    outcomes: list[Any],
    kept: str,
    visits: list[bytes],
    spent: Spent,
    recorded: int,
    grown: int,
) -> str | None:
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            if not isinstance(outcome, RequestRefused | ModelServerError | BudgetError):
                return f"{type(outcome).__name__} instead of a sentence: {outcome}"
            shown = str(outcome)
        else:
            shown = outcome.text + outcome.reasoning
            shown.encode()
        if any(piece in squeezed for text in (shown, kept) for squeezed in _readings(text) for piece in _pieces()):
            return "a piece of the credential is kept or shown"
    if entry.get("refused") and not all(isinstance(outcome, Exception) for outcome in outcomes):
        return "it was taken for an answer"
    if visits:
        return f"another host was asked: {visits[0][:60]!r}"
    if server.asked > CALLS and not entry.get("free"):
        return f"the server was asked {server.asked} times, the budget allows {CALLS}"
    if server.answered > spent.calls and not entry.get("free"):
        return f"{server.answered} answers were given, {spent.calls} calls are in the books"
    if spent.prompt_tokens + spent.completion_tokens > MOST_TOKENS + server.sent:
        return f"{spent.prompt_tokens + spent.completion_tokens:,} tokens of {CALLS} short calls are in the books"
    if recorded < server.answered and not entry.get("no_answer") and not entry.get("free"):
        return f"{server.answered} answers were paid, {recorded} are recorded"
    return f"memory grew by {grown >> 20} MiB" if grown > MOST_MEMORY else None


def _readings(text: str) -> tuple[str, str]:
    """The letters and digits of a text in small letters, as they stand and as escapes of a URL, HTML or tags mean them."""
    meant = re.sub(r"</?[a-z]+>", "", unquote(html.unescape(text)))
    squeezed, read = ("".join(letter for letter in form.lower() if letter.isalnum()) for form in (text, meant))
    return squeezed, read


def _pieces() -> list[str]:
    letters = "".join(letter for letter in KEY.lower() if letter.isalnum())
    return [letters[start : start + 14] for start in range(len(letters) - 13)] + [KEY.encode().hex()]
