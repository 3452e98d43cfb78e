"""A small HTTP server that stands for a model server: a subclass says what it answers."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Endpoint(BaseHTTPRequestHandler):
    """Answers with keep-alive and says nothing of it; `GET` is the health."""

    protocol_version = "HTTP/1.1"

    def reply(self, asked: Any) -> tuple[int, Any]:
        """Return the status and the body for what was asked."""
        raise NotImplementedError

    def do_POST(self) -> None:
        status, said = self.reply(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self._send(status, json.dumps(said).encode())

    def do_GET(self) -> None:
        self._send(200, b"")

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def serving(handler: type[Endpoint]) -> Iterator[str]:
    """Serve on a free port of this machine; give the root's address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
