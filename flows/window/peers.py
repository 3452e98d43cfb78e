"""Whose process is at the other end of a connection of this machine.

A browser sends the window's cookie to every port of 127.0.0.1, so a page that another user of the machine serves there gets to know
it. Known or not, it opens nothing to a process of somebody else's.
"""

from collections.abc import Sequence
from pathlib import Path

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
LOOPBACK = ("127.0.0.1", "::1")
_ESTABLISHED = "01"


def user_of(client: Sequence[object] | None, port: int, tables: Sequence[Path] = TABLES) -> int | None:
    """Return the user id of the process that connected; None from another machine, and where the system does not say (no Linux).

    Args:
        client: Address and port that it connected from, as ASGI has them.
        port: Port that it connected to.
        tables: The kernel's tables of connections.
    """
    if not client or client[0] not in LOOPBACK:
        return None
    ends = (f":{int(str(client[1])):04X}", f":{port:04X}")
    for table in tables:
        try:
            lines = table.read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, lines):
            if fields[1].endswith(ends[0]) and fields[2].endswith(ends[1]) and fields[3] == _ESTABLISHED:
                return int(fields[7])
    return None
