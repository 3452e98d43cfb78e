"""The least of HTTP/1.1 that a client with kept connections needs, for servers that stand for a model server."""

import asyncio
from collections.abc import Callable
from typing import Any


class Requests(asyncio.Protocol):
    """One connection: whole requests are taken by their Content-Length and given to `asked`. Override that."""

    def __init__(self) -> None:
        self.buffer = b""
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        """Keep the transport."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Take every whole request from what has come."""
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.buffer) < end + 4 + length:
                return
            body, self.buffer = self.buffer[end + 4 : end + 4 + length], self.buffer[end + 4 + length :]
            self.asked(head, body)

    def asked(self, head: bytes, body: bytes) -> None:
        """Answer a request, now or later.

        Args:
            head: Request line and headers, in lower case.
            body: The body.
        """
        raise TypeError("override it")

    def send(self, answer: bytes) -> None:
        """Write an answer, if the client is still there."""
        if not self.transport.is_closing():
            self.transport.write(answer)


async def serve_forever(connection: Callable[[], Requests], port: int = 0, backlog: int = 4096) -> None:
    """Serve on 127.0.0.1 until killed; the port is printed first."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(connection, "127.0.0.1", port, backlog=backlog)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
