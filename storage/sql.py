"""SQL for people: one SELECT over the lake, read-only, with the host's files and network closed to it.

DuckDB's own switches are not enough (`sqlite_scan` reads foreign files with external access off), so the statement is parsed by
DuckDB itself first, and only tables of the lake and a short list of table functions may stand in it.
"""

import json
from collections.abc import Iterator
from typing import Any

import duckdb
import pyarrow as pa

from storage.duck import quote
from storage.errors import LakeError, QueryError
from storage.lake import Lake
from storage.names import unknown
from storage.schema import TABLES
from storage.views import VIEWS
from storage.workspace import Workspace

_TABLE_FUNCTIONS = {"unnest", "range", "generate_series", "repeat_row"}
_FORBIDDEN_FUNCTIONS = {"getenv", "getvariable", "current_setting", "which_secret", "nextval", "currval"}
_MEMORY = "2GB"
RELATIONS = sorted({"commits", *TABLES, *VIEWS})
"""Tables and views a statement may name."""


def run_sql(workspace: Workspace, statement: str) -> pa.Table:
    """Run one SELECT and return its rows.

    Raises:
        QueryError: The statement is not one SELECT, names something outside the lake, or fails.
        WorkspaceError: The workspace has no lake yet.
    """
    _inspect(statement)
    with Lake(workspace, read_only=True) as lake:
        for setting in (
            f"memory_limit='{_MEMORY}'",
            f"allowed_directories=['{quote(str(workspace.data))}/']",
            "enable_external_access=false",
            "lock_configuration=true",
        ):
            lake.execute_setting(setting)
        try:
            return lake.query(statement)
        except LakeError as error:
            raise QueryError(str(error).removeprefix("query failed: ")) from None


def _inspect(statement: str) -> None:
    """Refuse everything but one SELECT over the lake."""
    try:
        row = duckdb.connect(":memory:").execute("select json_serialize_sql(?::varchar)", [statement]).fetchone()
    except duckdb.Error as error:
        raise QueryError(f"cannot be parsed: {error}") from None
    tree: dict[str, Any] = json.loads(row[0]) if row else {"error": True, "error_message": "empty statement"}
    if tree.get("error"):
        words = str(tree.get("error_message", ""))
        if "Only SELECT" in words:
            words = "only SELECT statements are allowed; the lake is read-only here"
        raise QueryError(words)
    count = len(list(tree["statements"]))
    if count != 1:
        raise QueryError(f"one SELECT at a time, please; there are {count} statements")
    nodes = list(_nodes(tree))
    named = {str(entry["key"]).lower() for node in nodes for entry in (node.get("cte_map") or {}).get("map", [])}
    for node in nodes:
        kind = node.get("type")
        if kind == "BASE_TABLE":
            name = str(node["table_name"])
            if node.get("catalog_name") not in ("", "lake", None) or node.get("schema_name") not in (
                "",
                "main",
                "lake",
                None,
            ):
                raise QueryError(f"{name} stands outside the lake; use the tables {', '.join(RELATIONS)}")
            if name.lower() not in named and name.lower() not in RELATIONS:
                raise QueryError(unknown("table", name, RELATIONS))
        elif kind == "TABLE_FUNCTION":
            function = str(node["function"].get("function_name", "")).lower()
            if function not in _TABLE_FUNCTIONS:
                raise QueryError(f"table function {function!r} is closed; use the tables {', '.join(RELATIONS)}")
        elif node.get("class") == "FUNCTION" and str(node.get("function_name", "")).lower() in _FORBIDDEN_FUNCTIONS:
            raise QueryError(f"function {node['function_name']!r} is closed")


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for child in value.values():
            yield from _nodes(child)
    elif isinstance(value, list):
        for child in value:
            yield from _nodes(child)
