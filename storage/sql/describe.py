"""Every table, view and column of the lake, with its type and what it means."""

import re
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from storage.errors import QueryError
from storage.schema import COMMITS, TABLES, comment
from storage.unknown_names import unknown
from storage.views import COLUMN_COMMENTS, VIEWS

_READ = re.compile(r"\b(?:from|join)\s+(\w+)", re.IGNORECASE)
KEYWORDS = """
select from where group by order limit having join left using on as and or not in is null distinct with union all filter over
partition between like ilike case when then else end desc asc qualify exists describe summarize
""".split()  # noqa: SIM905 - a list of forty strings is no easier to read
"""Words of SQL to complete at the prompt."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: name, SQL type, meaning."""

    name: str
    type: str
    comment: str


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view: name, `table` or `view`, meaning, columns."""

    name: str
    kind: str
    comment: str
    columns: tuple[Column, ...]


def describe(name: str | None = None) -> list[Relation]:
    """Return what there is to query, the views first; or one table or view.

    Raises:
        QueryError: There is no such table or view.
    """
    tables = {"commits": COMMITS, **TABLES}
    if name is not None and name not in {**VIEWS, **tables}:
        raise QueryError(unknown("table", name, [*VIEWS, *tables]))
    connection = duckdb.connect(":memory:")
    try:
        for table, schema in tables.items():
            connection.register("_empty", schema.empty_table())
            connection.execute(f"create table {table} as from _empty")
            connection.unregister("_empty")
        for view, (_, query) in VIEWS.items():
            connection.execute(f"create view {view} as {query}")
        rows = connection.execute(
            "select table_name, column_name, data_type from duckdb_columns() order by column_index"
        )
        types: dict[str, list[tuple[str, str]]] = {}
        for table, column, type_ in rows.fetchall():
            types.setdefault(table, []).append((column, type_))
    finally:
        connection.close()
    relations = [_relation(view, "view", text, types[view]) for view, (text, _) in VIEWS.items()]
    relations += [_relation(table, "table", comment(schema), types[table]) for table, schema in tables.items()]
    return [relation for relation in relations if name in (None, relation.name)]


def _relation(name: str, kind: str, text: str, types: list[tuple[str, str]]) -> Relation:
    return Relation(
        name, kind, text, tuple(Column(column, type_, column_comment(name, column)) for column, type_ in types)
    )


def column_comment(relation: str, column: str) -> str:
    """Return what a column means: as the view says, else as the tables and views that it reads do, else as any table does."""
    text = COLUMN_COMMENTS.get(relation, {}).get(column)
    if text:
        return text
    tables: dict[str, pa.Schema] = {"commits": COMMITS, **TABLES}
    if relation in tables:
        return comment(tables[relation].field(column)) if column in tables[relation].names else ""
    read = [name for name in _READ.findall(VIEWS[relation][1]) if name != relation and name in {**VIEWS, **tables}]
    texts = (column_comment(name, column) for name in read)
    anywhere = (comment(schema.field(column)) for schema in tables.values() if column in schema.names)
    return next((text for text in (*texts, *anywhere) if text), "")
