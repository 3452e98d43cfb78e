"""A chat endpoint that answers every request after a fixed time, as cheaply as a server in Python can.

Run as a program: `mock.py SECONDS`; it prints its port. It speaks just enough HTTP for a client that keeps its
connections: what it costs itself must not be what is measured.
"""

import asyncio
import json
import sys

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


class Connection(asyncio.Protocol):
    """One connection; requests are read by their Content-Length."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Take every whole request from the buffer and answer it in time."""
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            place = head.find(b"content-length:")
            length = int(head[place + 15 :].split(b"\r\n", 1)[0]) if place >= 0 else 0
            if len(self.buffer) < end + 4 + length:
                return
            self.buffer = self.buffer[end + 4 + length :]
            if head.startswith(b"post"):
                asyncio.get_running_loop().call_later(self.seconds, self.reply, ANSWER)
            else:
                self.reply(NOTHING)

    def reply(self, what: bytes) -> None:
        """Answer, if the client is still there."""
        if not self.transport.is_closing():
            self.transport.write(what)


async def serve(seconds: float) -> None:
    """Serve until killed."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(seconds), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
