"""Looks at a statement before it runs: one SELECT over the lake, with functions from a reviewed list, and nothing else.

DuckDB's own parser makes the tree; what the tree may hold is listed here, so that what a later DuckDB adds is refused until
somebody has looked at it. DuckDB's switches alone are not enough (`sqlite_scan` reads foreign files with external access off).
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from storage.errors import QueryError
from storage.schema import TABLES
from storage.sql.changing import changing
from storage.unknown_names import unknown
from storage.views import VIEWS

CONDITION_S = 600.0
"""Seconds that a condition, which a colleague's recipe may have brought, may take to choose rows."""
RELATIONS = sorted({"commits", *TABLES, *VIEWS})
"""Tables and views a statement may name."""

_SOURCES = {
    "BASE_TABLE", "TABLE_FUNCTION", "SUBQUERY", "JOIN", "EXPRESSION_LIST", "EMPTY", "EMPTY_FROM", "PIVOT", "SHOW_REF", "CTE",
}  # fmt: skip
_QUERIES = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
_EXPRESSIONS = {
    "STAR", "CONSTANT", "COLUMN_REF", "FUNCTION", "LAMBDA", "LAMBDA_REF", "OPERATOR", "WINDOW", "CAST", "SUBQUERY", "CASE",
    "COMPARISON", "CONJUNCTION", "BETWEEN", "COLLATE", "POSITIONAL_REFERENCE", "TYPE",
}  # fmt: skip
_PLAIN = re.compile(r"\w+")  # a name with a dot, a slash or a star may be taken for a file
_SHOWN = {"", '"tables"'}
_PLAIN_CLASSES = {"CONSTANT", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "BETWEEN", "OPERATOR"}
_PLAIN_OPERATORS = {"OPERATOR_NOT", "OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL", "COMPARE_IN", "COMPARE_NOT_IN"}
_PLAIN_FUNCTIONS = {"split_part"}
_PLAIN_TYPES = {"BOOLEAN", "DATE", "TIMESTAMP", "INTEGER", "BIGINT", "DOUBLE", "VARCHAR"}


@cache
def functions(kind: str) -> frozenset[str]:
    """Return the names of the functions that a statement may call, `scalar` (aggregates too) or `table`."""
    listed = json.loads(Path(__file__).with_name("functions.json").read_text(encoding="utf-8"))
    return frozenset(listed[kind])


@cache
def _parser() -> Any:
    return duckdb.connect(":memory:")


def inspect_statement(statement: str) -> None:
    """Refuse everything but one SELECT over the lake.

    Raises:
        QueryError: It cannot be parsed, is something else, or names something closed; the message says which.
    """
    if "\0" in statement:  # DuckDB reads to there: what is run would not be what was inspected
        raise QueryError("a statement holds no NUL character")
    tree = _parse(statement)
    try:
        nodes = list(_nodes(tree))
    except RecursionError:
        raise QueryError("nested too deeply; write it with fewer brackets") from None
    named = {str(entry["key"]).lower() for node in nodes for entry in (node.get("cte_map") or {}).get("map", [])}
    named |= {str(node["cte_name"]).lower() for node in nodes if "cte_name" in node}
    for name in sorted(named):
        if not _PLAIN.fullmatch(name):
            raise QueryError(f"name {name!r}: use letters, digits and _ for the names after WITH")
    for node in nodes:
        _check(node, named)


def inspect_condition(condition: str, relation: str = "accepted", *, recorded: bool = False) -> None:
    """Refuse a WHERE condition over the columns of `relation` that is more than a condition, or not the same tomorrow.

    Args:
        condition: The condition.
        relation: Whose columns it names.
        recorded: Whether a release was made by it, which gets a successor by it even if its rows are not the same tomorrow.

    Raises:
        QueryError: It cannot be parsed, escapes its place, names something closed, or depends on the clock, on chance
            or on the order in which rows come.
    """
    statement = f"select 1 from {relation} where ({condition}\n)"
    inspect_statement(statement)
    tree = _parse(statement)
    node = tree["statements"][0]["node"]
    beside = [
        node.get(name) for name in ("modifiers", "group_expressions", "group_sets", "having", "qualify", "sample")
    ]
    if node.get("type") != "SELECT_NODE" or any(beside) or not node.get("where_clause"):
        raise QueryError(f"condition {condition!r}: write one condition, as after WHERE")
    try:  # brackets that close what stands around it, `a) or (b`, would reach beyond what it is joined with
        _parse(f"select case when {condition}\n then true end from {relation}")
    except QueryError:
        raise QueryError(f"condition {condition!r}: write one condition, as after WHERE") from None
    for inner in _nodes(tree):
        if not recorded and (said := changing(inner)):
            raise QueryError(f"condition {condition!r}: {said}")


def is_plain(condition: str) -> bool:
    """Return whether an inspected condition only compares columns with values: no row of any length makes it slow.

    Raises:
        QueryError: It cannot be parsed.
    """
    where = _parse(f"select 1 from accepted where ({condition}\n)")["statements"][0]["node"]["where_clause"]
    for node in _nodes(where):
        kind = node.get("class")
        if kind == "FUNCTION" and node["function_name"] in _PLAIN_FUNCTIONS:
            continue
        if kind == "CAST" and node["cast_type"]["id"] in _PLAIN_TYPES and node["child"]["class"] == "CONSTANT":
            continue  # `true`, `date '2026-01-01'`
        if kind is not None and kind not in _PLAIN_CLASSES:
            return False
        if kind == "OPERATOR" and node["type"] not in _PLAIN_OPERATORS:
            return False
    return True


def condition_columns(condition: str) -> set[str]:
    """Return the names of the columns that a condition mentions, those of its inner statements among them.

    Raises:
        QueryError: It cannot be parsed.
    """
    tree = _parse(f"select 1 from samples where ({condition}\n)")
    return {str(node["column_names"][-1]).lower() for node in _nodes(tree) if node.get("column_names")}


def _parse(statement: str) -> dict[str, Any]:
    connection = _parser().cursor()
    try:
        row = connection.execute("select json_serialize_sql(?::varchar)", [statement]).fetchone()
        tree: dict[str, Any] = json.loads(row[0]) if row else {"error": True, "error_message": "empty statement"}
    except duckdb.Error as error:
        raise QueryError(f"cannot be parsed: {error}") from None
    except RecursionError:
        raise QueryError("nested too deeply; write it with fewer brackets") from None
    finally:
        connection.close()
    if tree.get("error"):
        message = str(tree.get("error_message", ""))
        if "Only SELECT" in message or "CTE needs a SELECT" in message:
            message = "only SELECT statements are allowed; the lake is read-only here"
        raise QueryError(message)
    count = len(tree["statements"])
    if count != 1:
        raise QueryError(f"one SELECT at a time, please; there are {count} statements")
    return tree


def _check(node: Mapping[str, Any], named: set[str]) -> None:
    """Refuse a node of the tree that is not on the lists."""
    kind, category = node.get("type"), node.get("class")
    if category is not None:
        if category == "PARAMETER":
            raise QueryError("parameters (? or $1) have no value here; write the value itself")
        if category not in _EXPRESSIONS:
            raise QueryError(f"{str(category).lower()} expressions are closed")
        if "function_name" in node:
            function = str(node["function_name"]).lower()
            if function not in functions("scalar") and function not in functions("table"):
                raise QueryError(f"function {function!r} is closed")
    elif kind == "BASE_TABLE":
        _check_table(node, named)
    elif kind == "TABLE_FUNCTION":
        function = str(node["function"].get("function_name", "")).lower()
        if function not in functions("table"):
            raise QueryError(f"table function {function!r} is closed; use the tables {', '.join(RELATIONS)}")
    elif kind == "SHOW_REF":
        if node.get("table_name") not in _SHOWN:
            raise QueryError("only SHOW TABLES, DESCRIBE and SUMMARIZE of a table or a SELECT are allowed")
    elif "select_list" in node or "from_table" in node:
        if kind not in _QUERIES:
            raise QueryError(f"{kind} is closed; write a SELECT")
    elif "alias" in node and "sample" in node and kind not in _SOURCES:
        raise QueryError(f"{kind} cannot be selected from; use the tables {', '.join(RELATIONS)}")


def _check_table(node: Mapping[str, Any], named: set[str]) -> None:
    name = str(node["table_name"])
    if node.get("catalog_name") or node.get("schema_name") not in ("", "main", None):
        raise QueryError(f"{name} stands outside the lake; use the tables {', '.join(RELATIONS)} by their plain names")
    if node.get("at_clause"):
        raise QueryError("AT is closed: snapshots expire; ask for an earlier state with --as-of (a commit or a date)")
    if name.lower() not in named and name.lower() not in RELATIONS:
        raise QueryError(unknown("table", name, RELATIONS))


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            yield item
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
