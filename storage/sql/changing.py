"""What in a condition gives another answer each time: the clock, chance, and where and in what order rows happen to lie."""

from collections.abc import Mapping
from typing import Any

_CLOCK_OR_CHANCE = {
    "random", "uuid", "gen_random_uuid", "uuidv4", "uuidv7", "now", "today", "get_current_time", "get_current_timestamp",
    "transaction_timestamp", "current_date", "current_time", "current_timestamp", "current_localtime", "current_localtimestamp",
    "localtime", "localtimestamp", "ago", "reservoir_quantile", "approx_quantile", "approx_top_k",
}  # fmt: skip
_PLACES = {"rowid", "filename", "file_row_number", "file_index", "snapshot_id"}
"""Columns that every table of the lake has beside its own: compaction changes them."""
_BY_ORDER = {
    "any_value", "arbitrary", "first", "last", "list", "array_agg", "string_agg", "listagg", "group_concat",
    "json_group_array", "json_group_object",
}  # fmt: skip
_BY_NAME = {"aggregate", "list_aggr", "list_aggregate", "array_aggr", "array_aggregate"}
_WINDOWS_OF_ANY_ORDER = {"rank", "dense_rank", "rank_dense", "percent_rank", "cume_dist"}
_EACH_TIME = "{} gives another answer each time; write the value itself"
_NO_ORDER = "{} without an order takes whichever row comes first; give it an `order by`"


def changing(node: Mapping[str, Any]) -> str | None:
    """Say what in a node of a tree gives another answer each time, and what to write instead; None where nothing does."""
    columns = [str(name).lower() for name in node.get("column_names") or []]
    if columns and (".".join(columns) in _CLOCK_OR_CHANCE or columns[-1] in _PLACES):
        return _EACH_TIME.format(columns[-1])
    if node.get("sample"):
        return "a sample is another one each time; choose rows by a hash of their id, hash(sample_id) % 10 = 0"
    if node.get("type") == "SHOW_REF" or node.get("ref_type") == "POSITIONAL":
        return "a summary and a positional join give another answer each time; name columns, and join by them"
    kinds = {modifier["type"]: modifier for modifier in node.get("modifiers") or []}
    chosen = "LIMIT_MODIFIER" in kinds or kinds.get("DISTINCT_MODIFIER", {}).get("distinct_on_targets")
    if chosen and "ORDER_MODIFIER" not in kinds:
        return _NO_ORDER.format("limit, offset or distinct on")
    return _changing_function(node) if "function_name" in node else None


def _changing_function(node: Mapping[str, Any]) -> str | None:
    name, arguments = str(node["function_name"]).lower(), node.get("children") or []
    named = str((arguments[1].get("value") or {}).get("value")).lower() if name in _BY_NAME and arguments[1:] else ""
    if {name, named} & _CLOCK_OR_CHANCE or (name == "age" and len(arguments) == 1):
        return _EACH_TIME.format(named or name)
    ordered = node.get("orders") or node.get("arg_orders") or (node.get("order_bys") or {}).get("orders")
    if ordered:
        return None
    if node.get("class") != "WINDOW":
        return _NO_ORDER.format(name) if name in _BY_ORDER else None
    whole = "ROWS" not in f"{node['start']} {node['end']}"
    if whole and (name in _WINDOWS_OF_ANY_ORDER or (node["type"] == "WINDOW_AGGREGATE" and name not in _BY_ORDER)):
        return None
    return _NO_ORDER.format(name)
