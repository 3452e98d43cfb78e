"""Connections: DuckDB with the DuckLake extensions that pip installed, so that no network is needed."""

import importlib.util
import os
import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from storage.errors import LakeError, NightschoolError, QueryError

_PACKAGES = {
    "ducklake": "duckdb_extension_ducklake",
    "sqlite_scanner": "duckdb_extension_sqlite_scanner",
    "postgres_scanner": "duckdb_extension_postgres_scanner",
    "httpfs": "duckdb_extension_httpfs",
}


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
    # Where Python has no script (`python -c`, a prompt) it is on, and draws into what is read from standard output.
    connection.execute("set enable_progress_bar = false")
    for name in (extension, "ducklake", *(["httpfs"] if "://" in data_path else [])):
        connection.execute(f"LOAD '{quote(str(extension_file(name)))}'")
    if data_path.startswith("s3://"):
        _open_store(connection, data_path)
    return connection


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
    options = ", ".join(f"{name} '{quote(value)}'" for name, value in values.items() if value)
    try:
        connection.execute(f"CREATE SECRET (TYPE s3, SCOPE '{quote(data_path)}'{', ' if options else ''}{options})")
    except duckdb.Error:  # its text may repeat the statement, and so the keys
        raise LakeError(f"the AWS_* variables do not make a key for {data_path}; see to their form") from None


@contextmanager
def within(connection: Any, seconds: float, what: str) -> Iterator[None]:
    """Interrupt what a connection runs when its time is up.

    Args:
        connection: DuckDB; nothing else may run on it.
        seconds: The time.
        what: Begins the error's sentence.

    Raises:
        QueryError: The time was up.
    """
    expired = threading.Event()

    def interrupt() -> None:
        expired.set()
        connection.interrupt()

    timer = threading.Timer(seconds, interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (duckdb.Error, NightschoolError):
        if expired.is_set():
            raise QueryError(f"{what}: stopped after {seconds:g} s; write one that is decided sooner") from None
        raise
    finally:
        timer.cancel()


def quote(text: str) -> str:
    """Escape text for use inside a single-quoted SQL literal."""
    return text.replace("'", "''")
