"""Connections: DuckDB with the DuckLake extensions that pip installed, so that no network is needed."""

import importlib.util
import platform
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from storage.errors import LakeError

_PACKAGES = {"ducklake": "duckdb_extension_ducklake", "sqlite_scanner": "duckdb_extension_sqlite_scanner"}


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


def connect() -> Any:
    """Open an in-memory DuckDB connection that can attach a lake. Unsigned extensions stay forbidden."""
    connection = duckdb.connect(
        ":memory:", config={"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    )
    for name in ("sqlite_scanner", "ducklake"):
        connection.execute(f"LOAD '{quote(str(extension_file(name)))}'")
    return connection


def quote(text: str) -> str:
    """Escape text for use inside a single-quoted SQL literal."""
    return text.replace("'", "''")
