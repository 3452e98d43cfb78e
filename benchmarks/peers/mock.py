"""A chat endpoint that answers every request after a fixed time, as cheaply as a server in Python can.

    python -m benchmarks.peers.mock PORT SECONDS

It prints its port. What it costs itself must not be what is measured.
"""

import asyncio
import json
import sys

from tests.http_protocol import Requests, serve_forever

MESSAGE = {"role": "assistant", "content": "A step, and another step. " * 8}
BODY = json.dumps(
    {
        "id": "chatcmpl-0",
        "object": "chat.completion",
        "model": "mock",
        "choices": [{"index": 0, "message": MESSAGE, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 30, "completion_tokens": 64, "total_tokens": 94},
    }
).encode()
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
NOTHING = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


class Connection(Requests):
    """One connection; every chat is answered in time."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    def asked(self, head: bytes, body: bytes) -> None:
        """Answer a chat later, anything else with 404."""
        if head.startswith(b"post"):
            asyncio.get_running_loop().call_later(self.seconds, self.send, ANSWER)
        else:
            self.send(NOTHING)


if __name__ == "__main__":
    seconds = float(sys.argv[2])
    asyncio.run(serve_forever(lambda: Connection(seconds), int(sys.argv[1])))
