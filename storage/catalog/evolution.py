"""How a lake made by an older version gets the tables, columns and views of this one.

Additions (a table, a column, which older rows have as null, a view whose text is another) happen whenever a lake is opened
for writing. What is more than an addition gets a new `FORMAT_VERSION` and a step in `STEPS`; it is taken after a copy of the
catalogue, and `workspace.json` says the new format last, so that a migration that was killed is simply run again.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pyarrow as pa

from storage.catalog.backup import back_up
from storage.catalog.catalog import Catalog
from storage.catalog.duck import quote
from storage.catalog.format3 import to_three
from storage.catalog.hashes import hash_all
from storage.errors import LakeError, WorkspaceError
from storage.ids import digest
from storage.schema import COMMITS, TABLES, comment
from storage.views import VIEWS
from storage.workspace import FORMAT_VERSION, Workspace

_SQL_TYPES = {
    pa.string(): "VARCHAR",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
    pa.uint32(): "UINTEGER",
    pa.timestamp("us", tz="UTC"): "TIMESTAMPTZ",
}
_SHORT = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ"}
SCHEMA_NOTE = "schema"
"""Name under which is noted which tables and views the lake has."""


def _to_two(connection: Any) -> None:
    """Format 1 had no coordination tables; those are made by their first use, the rest is additions."""


STEPS: dict[int, Callable[[Any], None]] = {1: _to_two, 2: to_three}
"""What turns a lake of this format into the next; runs inside the transaction of the additions."""


def known_schema() -> str:
    """Return a digest of every table and view of this version."""
    tables = {
        name: [comment(schema), *([field.name, str(field.type), comment(field)] for field in schema)]
        for name, schema in known_tables().items()
    }
    return digest(FORMAT_VERSION, tables, {name: list(view) for name, view in VIEWS.items()})


def is_current(catalog: Catalog) -> bool:
    """Return whether the lake has the tables and views of this version.

    Raises:
        LakeError: What was noted of them is damaged.
        WorkspaceError: A newer version has migrated it to a format that this one does not know.
    """
    noted = _noted(catalog)
    if noted.get("format", 0) > FORMAT_VERSION:
        raise WorkspaceError(
            f"{catalog.described} has format {noted['format']}, this version reads up to {FORMAT_VERSION}; "
            "update Nightschool"
        )
    return bool(noted.get("digest") == known_schema())


def _noted(catalog: Catalog) -> dict[str, Any]:
    text = catalog.note(SCHEMA_NOTE) or "{}"
    with suppress(ValueError, RecursionError):
        noted = json.loads(text)
        if isinstance(noted, dict) and isinstance(noted.get("format", 0), int):
            return noted
    raise catalog.damaged(f"nightschool_meta: {SCHEMA_NOTE} is {text[:40]!r}")


def bring_up_to_date(connection: Any, workspace: Workspace, catalog: Catalog) -> None:
    """Add what this version has and the lake lacks; the caller holds the catalogue's lock.

    Raises:
        LakeError: A column has another type than this version's.
    """
    if workspace.format < FORMAT_VERSION and catalog.exists():
        back_up(workspace, catalog, f"format-{workspace.format}")
    ours = _noted(catalog).get("views", [])
    if not connection.execute("select 1 from duckdb_tables() where database_name = 'lake' limit 1").fetchall():
        hash_all(catalog)
    connection.execute("BEGIN")
    for version in range(workspace.format, FORMAT_VERSION):
        STEPS[version](connection)
    _add_tables(connection)
    _replace_views(connection, ours)
    connection.execute("COMMIT")
    if workspace.format < FORMAT_VERSION:
        workspace.config["format"] = FORMAT_VERSION
        workspace.write_config()
    catalog.set_note(
        SCHEMA_NOTE,
        json.dumps({"format": FORMAT_VERSION, "digest": known_schema(), "views": list(VIEWS)}, sort_keys=True),
    )


def known_tables() -> dict[str, pa.Schema]:
    """Return the schema of every table of this version, `commits` among them."""
    return {"commits": COMMITS, **TABLES}


def _add_tables(connection: Any) -> None:
    present: dict[str, dict[str, str]] = {}
    comments: dict[tuple[str, str], str | None] = {}
    for table, column, type_, text in connection.execute(
        "select c.table_name, c.column_name, c.data_type, c.comment from duckdb_columns() c join duckdb_tables() t "
        "using (database_name, table_name) where database_name = 'lake'"
    ).fetchall():
        present.setdefault(table, {})[column] = _SHORT.get(type_, type_)
        comments[table, column] = text
    for name, schema in known_tables().items():
        if name not in present:
            columns = ", ".join(f'"{field.name}" {sql_type(field.type)}' for field in schema)
            connection.execute(f"CREATE TABLE {name} ({columns})")
        connection.execute(f"COMMENT ON TABLE {name} IS '{quote(comment(schema))}'")
        for field in schema:
            there, wanted = present.get(name, {}).get(field.name), sql_type(field.type)
            if name in present and there is None:
                connection.execute(f'ALTER TABLE {name} ADD COLUMN "{field.name}" {wanted}')
            elif there is not None and there.replace('"', "") != wanted.replace('"', ""):
                if _add_fields(connection, name, field, there):
                    continue
                raise LakeError(f"column {name}.{field.name} is {there} in this lake and {wanted} in this version")
            if comments.get((name, field.name)) != comment(field):
                connection.execute(f"COMMENT ON COLUMN {name}.\"{field.name}\" IS '{quote(comment(field))}'")


def _add_fields(connection: Any, table: str, field: pa.Field, there: str) -> bool:
    """Add the fields that a list of structs lacks at its end, which older rows then have as null; False where more differs."""
    if not pa.types.is_list(field.type) or not pa.types.is_struct(field.type.value_type):
        return False
    inner = field.type.value_type
    for known in range(1, inner.num_fields):
        if sql_type(pa.list_(pa.struct([inner[at] for at in range(known)]))).replace('"', "") == there.replace('"', ""):
            for at in range(known, inner.num_fields):
                added = f'"{field.name}"."element"."{inner[at].name}" {sql_type(inner[at].type)}'
                connection.execute(f"ALTER TABLE {table} ADD COLUMN {added}")
            return True
    return False


def _replace_views(connection: Any, ours: list[str]) -> None:
    """Make every view again (their columns follow the tables') and drop those of ours that this version has no more."""
    for name in ours:
        if name not in VIEWS:
            connection.execute(f"DROP VIEW IF EXISTS {name}")
    for name, (text, query) in VIEWS.items():
        connection.execute(f"CREATE OR REPLACE VIEW {name} AS {query}")
        connection.execute(f"COMMENT ON VIEW {name} IS '{quote(text)}'")


def sql_type(type_: pa.DataType) -> str:
    """Return DuckDB's name of an Arrow type that our tables use."""
    if pa.types.is_list(type_):
        return sql_type(type_.value_type) + "[]"
    if pa.types.is_struct(type_):
        inner = ", ".join(f'"{field.name}" {sql_type(field.type)}' for field in type_)
        return f"STRUCT({inner})"
    return _SQL_TYPES[type_]
