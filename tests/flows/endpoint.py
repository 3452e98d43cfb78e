"""A small HTTP server that stands for a model server: a subclass says what it answers."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Endpoint(BaseHTTPRequestHandler):
    """Answers with keep-alive and says nothing of it; `GET` is the health."""

    protocol_version = "HTTP/1.1"

    def reply(self, asked: Any) -> tuple[int, Any]:
        """Return the status and the body for what was asked."""
        raise TypeError("override it")

    def do_POST(self) -> None:
        status, answer = self.reply(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self._send(status, json.dumps(answer).encode())

    def do_GET(self) -> None:
        self._send(200, b"")

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


class SlowTeacher(Endpoint):
    """Takes its time for one and the same answer, so that a night is still at work when a test looks."""

    def reply(self, asked: Any) -> tuple[int, Any]:
        time.sleep(0.02)
        choice = {"index": 0, "message": {"role": "assistant", "content": "#### 1"}, "finish_reason": "stop"}
        return 200, {"choices": [choice], "usage": {"prompt_tokens": 30, "completion_tokens": 10}}


class SilentTeacher(Endpoint):
    """Answers nothing until it is told to: a night that asks it is at work for as long as a test wants.

    A test subclasses it with events of its own.
    """

    asked: threading.Event
    released: threading.Event

    def reply(self, asked: Any) -> tuple[int, Any]:
        type(self).asked.set()
        type(self).released.wait(120)
        return 503, {"error": {"message": "the test is over"}}


def slowly_taught(content: dict[str, Any], address: str) -> dict[str, Any]:
    """Return a recipe whose teacher is a `SlowTeacher` at an address; no alarm says that most of its answers are wrong."""
    teacher = {"engine": "vllm", "endpoint": address, "name": "t", "revision": "1", "concurrency": 8}
    return {**content, "models": {"teacher": teacher}, "alarms": {"share": 1}}


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve on a free port of this machine; give the root's address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
