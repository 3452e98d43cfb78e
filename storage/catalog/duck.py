"""Connections: DuckDB with the DuckLake extensions that pip installed, so that no network is needed."""

import importlib.util
import os
import platform
import threading
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from storage.errors import LakeError

_PACKAGES = {
    "ducklake": "duckdb_extension_ducklake",
    "sqlite_scanner": "duckdb_extension_sqlite_scanner",
    "postgres_scanner": "duckdb_extension_postgres_scanner",
    "httpfs": "duckdb_extension_httpfs",
}

_REUSES = 100
"""Lakes that one instance serves: a little memory stays behind with each."""
_IDLE_BYTES = 64 << 20
"""What an instance may keep in memory (files it has read) while nobody uses it."""
_idle: dict[tuple[int, str], list["Instance"]] = {}  # by process too: an instance does not survive a fork
_idle_lock = threading.Lock()


@cache
def extension_file(name: str) -> Path:
    """Find the signed binary of a DuckDB extension inside its wheel.

    Raises:
        LakeError: The wheel is missing or is for another DuckDB version.
    """
    package = _PACKAGES[name]
    spec = importlib.util.find_spec(package)
    locations = list(spec.submodule_search_locations or []) if spec else []
    file = f"extensions/v{duckdb.__version__}/{name}.duckdb_extension"
    for location in locations:
        path = Path(location) / file
        if path.exists():
            return path
    raise LakeError(
        f"DuckDB extension {name} for DuckDB {duckdb.__version__} on {platform.system()} is not installed; "
        f"pip install {package.replace('_', '-')}=={duckdb.__version__}"
    )


def connect(extension: str = "sqlite_scanner", *, data_path: str = "") -> Any:
    """Open an in-memory DuckDB connection that can attach a lake. Unsigned extensions stay forbidden.

    Args:
        extension: The one that reads the catalogue.
        data_path: Where the Parquet files are; for an object store, its keys and endpoint come from AWS_* variables.

    Raises:
        LakeError: An extension's wheel is missing.
    """
    connection = duckdb.connect(
        ":memory:", config={"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    )
    for name in (extension, "ducklake", *(["httpfs"] if "://" in data_path else [])):
        connection.execute(f"LOAD '{quote(str(extension_file(name)))}'")
    if data_path.startswith("s3://"):
        _open_store(connection, data_path)
    return connection


class Instance:
    """A DuckDB instance of this process that lakes use one after the other: verifying the extensions' signatures, a third of
    a second of computing, is done once and not for every lake.

    Args:
        base: A connection to it, as `connect` makes it.

    Attributes:
        connection: The connection of the lake that has it now.
    """

    def __init__(self, base: Any) -> None:
        self._base, self._left = base, _REUSES
        self.connection = base.cursor()

    @classmethod
    def take(cls, extension: str, data_path: str) -> "Instance":
        """Take an idle instance, or make one; an object store's keys are never handed on."""
        if "://" not in data_path:
            with _idle_lock:
                if idle := _idle.get((os.getpid(), extension)):
                    return idle.pop()
        return cls(connect(extension, data_path=data_path))

    def give_back(self, extension: str) -> None:
        """Detach the lake and leave the instance to the next; one that cannot let go of it is closed."""
        try:
            self.connection.execute("USE memory; DETACH lake")
            self.connection.close()  # and with it what was temporary
            self.connection = self._base.cursor()
            (kept,) = self._base.execute("select sum(memory_usage_bytes) from duckdb_memory()").fetchone()
        except duckdb.Error:
            return self.close()
        self._left -= 1
        if not self._left or kept > _IDLE_BYTES:
            return self.close()
        with _idle_lock:
            _idle.setdefault((os.getpid(), extension), []).append(self)

    def close(self) -> None:
        """End it."""
        self.connection.close()
        self._base.close()


def _open_store(connection: Any, data_path: str) -> None:
    """Give a connection the keys of an object store; they live in its memory only."""
    at = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    values = {
        "KEY_ID": os.environ.get("AWS_ACCESS_KEY_ID"),
        "SECRET": os.environ.get("AWS_SECRET_ACCESS_KEY"),
        "SESSION_TOKEN": os.environ.get("AWS_SESSION_TOKEN"),
        "REGION": os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"),
        "ENDPOINT": at.split("://")[-1].rstrip("/") if at else None,
        "URL_STYLE": "path" if at else None,
        "USE_SSL": "false" if at and at.startswith("http://") else None,
    }
    said = ", ".join(f"{name} '{quote(value)}'" for name, value in values.items() if value)
    try:
        connection.execute(f"CREATE SECRET (TYPE s3, SCOPE '{quote(data_path)}'{', ' if said else ''}{said})")
    except duckdb.Error:  # its text may repeat the statement, and so the keys
        raise LakeError(f"the AWS_* variables do not make a key for {data_path}; see to their form") from None


def quote(text: str) -> str:
    """Escape text for use inside a single-quoted SQL literal."""
    return text.replace("'", "''")
