"""A chat endpoint with one fault, in a process of its own, that keeps book of what it has fully answered.

    python -m tests.synth.faulty_server PORT BOOK FAULT SECONDS

The book is appended to with one write per line, so it outlives `kill -9` of this process: `a ID TIME` a request was
answered in full, `r ID TIME` a request was asked again after that, `f ID TIME` a fault was dealt out. A request's id is its
seed; the time is the machine's monotonic clock.
"""

import asyncio
import json
import os
import random
import socket
import struct
import sys
import time
from pathlib import Path
from typing import Any

from tests.http_protocol import Requests, serve_forever

CANARY = "Say yes."
KEY = "sk-right-0123456789abcdef"
CHANCE = random.Random(1)
"""Whom a fault is dealt to: the same share of the first hundreds of requests in every run."""
PART = {"rates": 0.05, "hang": 0.01, "truncated": 0.05, "garbage": 0.05, "reset": 0.05}


def http(status: int, body: bytes, more: bytes = b"") -> bytes:
    head = b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n" % (
        status,
        len(body),
        more,
    )
    return head + body


def error(status: int, message: str, **more: Any) -> bytes:
    return http(status, json.dumps({"error": {"message": message, **more}}).encode())


class Book:
    """What was answered, dealt out and asked again."""

    def __init__(self, path: Path) -> None:
        lines = path.read_text().split("\n") if path.exists() else []
        self.answered = {line.split()[1] for line in lines if line.startswith("a ")}
        self.dealt = {line.split()[1] for line in lines if line.startswith("f ")}
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def write(self, mark: str, name: str) -> None:
        os.write(self._file, f"{mark} {name} {time.monotonic()}\n".encode())


class Connection(Requests):
    """One connection of a client."""

    def __init__(self, book: Book, fault: str, seconds: float) -> None:
        super().__init__()
        self.book, self.fault, self.seconds = book, fault, seconds

    def asked(self, head: bytes, body: bytes) -> None:
        if not head.startswith(b"post"):
            self.send(http(200 if b" /health " in head else 404, b""))
            return
        request = json.loads(body)
        name, text = str(request["seed"]), request["messages"][0]["content"]
        canary = text == CANARY
        if not canary and name in self.book.answered:
            self.book.write("r", name)
        loop = asyncio.get_running_loop()
        if self.fault == "key" and KEY.encode() not in head:
            sent = head.partition(b"authorization:")[2].split(b"\r\n")[0].decode().strip()
            self.transport.write(error(401, f"Incorrect API key provided: {sent}"))
        elif self.fault == "too_long" and "number 7 " in text:
            self.book.write("f", name)
            self.transport.write(error(400, f"Too many tokens in: {text}", param="input_tokens"))
        elif self.fault == "poison" and "number 7 " in text:
            self.book.write("f", name)
            self.transport.write(error(500, f"Internal error at {text}"))
        elif self.fault == "deadly" and "number 7 " in text:
            self.book.write("f", name)
            loop.call_later(self.seconds / 2, os._exit, 1)
        elif not canary and name not in self.book.dealt and CHANCE.random() < PART.get(self.fault, 0):
            self.book.dealt.add(name)  # once: twice and more is a matter of luck, and of the tries that a request has
            self.book.write("f", name)
            loop.call_later(self.seconds, self.spoil)
        else:
            loop.call_later(self.seconds * random.uniform(0.5, 1.5), self.reply, name, canary)

    def reply(self, name: str, canary: bool = False) -> None:
        if not canary and not self.transport.is_closing():
            self.book.answered.add(name)
            self.book.write("a", name)
        self.send(http(200, answer(name)))

    def spoil(self) -> None:
        if self.transport.is_closing():
            return
        whole = http(200, answer("0"))
        if self.fault == "rates":
            busy = random.random() < 0.5
            self.transport.write(error(429, "slow down") if busy else error(500, "oops"))
        elif self.fault == "garbage":
            self.transport.write(http(200, b'{"choices": [{"mess'))
        elif self.fault == "truncated":
            self.transport.write(whole[:-20])
            self.transport.close()
        elif self.fault == "reset":
            self.transport.write(whole[:-20])
            linger = struct.pack("ii", 1, 0)
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            asyncio.get_running_loop().call_later(0.02, self.transport.abort)


def answer(name: str) -> bytes:
    choice = {"message": {"role": "assistant", "content": f"answer to {name}"}, "finish_reason": "stop"}
    return json.dumps({"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 5}}).encode()


if __name__ == "__main__":
    book, fault, seconds = Book(Path(sys.argv[2])), sys.argv[3], float(sys.argv[4])
    asyncio.run(serve_forever(lambda: Connection(book, fault, seconds), int(sys.argv[1])))
