"""A free port is one that a server can have."""

import socket

from storage.ports import free_port


def test_a_server_can_have_a_free_port():
    with socket.create_server(("127.0.0.1", free_port())) as server:
        assert server.getsockname()[1] != free_port()
