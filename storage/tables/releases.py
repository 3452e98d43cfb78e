"""Releases and the rows that they name."""

import pyarrow as pa

from storage.tables.columns import COMMIT_ID, INT, NOTE, TIME, WORD, column

TABLES: dict[str, pa.Schema] = {
    "releases": pa.schema(
        [
            column("release_id", WORD, "name@version"),
            column("name", WORD, "data set"),
            column("version", INT, "1, 2, 3, ..."),
            column("at_seq", INT, "commit up to which it reads"),
            column("condition", NOTE, "the SQL condition"),
            column("rows", INT, "rows named"),
            column("content_hash", WORD, "digest of the sorted sample ids and their content"),
            column("path", WORD, "Parquet export, relative to the workspace"),
            column("manifest", NOTE, "the whole manifest, JSON"),
            column("night", WORD, "night that made it"),
            column("created_at", TIME, "when"),
            COMMIT_ID,
        ],
        metadata={"comment": "named, immutable sets of accepted rows"},
    ),
    "release_rows": pa.schema(
        [column("release_id", WORD, "release"), column("sample_id", WORD, "row it names"), COMMIT_ID],
        metadata={"comment": "which rows a release names"},
    ),
}
