"""A PostgreSQL server of our own for the suite: a fresh cluster, a free port, a password, stopped at the end."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

import psycopg
import pytest

from storage.ports import free_port

_USER = "nightschool"


def _program(name: str) -> str:
    installed = (
        sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}")) if Path("/usr/lib/postgresql").exists() else []
    )
    path = str(installed[-1]) if installed else shutil.which(name)
    if path is None:
        message = f"{name} is not installed (Debian: postgresql-15)"
        (pytest.fail if os.environ.get("NIGHTSCHOOL_EXPECTS_POSTGRES") else pytest.skip)(message)
    return str(path)


def _as_server() -> list[str]:
    """PostgreSQL refuses to run as root; the server also ends when whoever started it dies."""
    user = ["--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []
    return ["setpriv", *user, "--pdeathsig=QUIT"] if shutil.which("setpriv") else []


@contextmanager
def serving() -> Iterator[str]:
    """Start a server and give its connection string; the password is in $PGPASSWORD meanwhile."""
    initdb, postgres = _program("initdb"), _program("postgres")
    folder, before = Path(tempfile.mkdtemp(prefix="nightschool-postgres-")), os.environ.get("PGPASSWORD")
    password = token_hex(8)
    try:
        (folder / "password").write_text(password)
        if os.geteuid() == 0:
            for path in (folder, folder / "password"):
                shutil.chown(path, "postgres", "postgres")
        subprocess.run(
            [*_as_server(), initdb, "-D", str(folder / "data"), "-U", _USER, "--auth=scram-sha-256", "--no-sync",
             f"--pwfile={folder / 'password'}"],
            check=True, capture_output=True, cwd="/",
        )  # fmt: skip
        port = free_port()
        settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "max_connections=200"]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [*_as_server(), postgres, "-D", str(folder / "data"), "-p", str(port),
                 *[part for setting in settings for part in ("-c", setting)]],
                stdout=log, stderr=log, cwd="/",
            )  # fmt: skip
        os.environ["PGPASSWORD"] = password
        try:
            yield _wait(f"host=127.0.0.1 port={port} user={_USER} dbname=postgres", folder / "log")
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
    finally:
        os.environ.pop("PGPASSWORD", None)
        if before is not None:
            os.environ["PGPASSWORD"] = before
        shutil.rmtree(folder, ignore_errors=True)


def _wait(conninfo: str, log: Path) -> str:
    until = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(conninfo, connect_timeout=5).close()
            return conninfo
        except psycopg.OperationalError:
            if time.monotonic() > until:
                raise AssertionError(log.read_text()) from None
            time.sleep(0.1)
