import duckdb
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.releases import external_sort
from storage.releases.external_sort import boundaries, sort_buckets


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(max_size=6), unique=True, max_size=60), st.integers(1, 7))
def test_rows_come_back_sorted_and_complete(tmp_path_factory, names, size):
    folder = tmp_path_factory.mktemp("sort")
    table = pa.table({"id": pa.array(names, pa.string()), "n": pa.array(range(len(names)), pa.int64())})
    connection = duckdb.connect()
    connection.register("t", table)
    before, external_sort.BUCKET_ROWS = external_sort.BUCKET_ROWS, size
    try:
        cuts = boundaries(connection, "t", "id")
    finally:
        external_sort.BUCKET_ROWS = before
    buckets = list(sort_buckets(table.to_batches(max_chunksize=4), "id", cuts, table.schema, folder))
    in_order = pa.concat_tables(buckets)
    assert in_order["id"].to_pylist() == sorted(names) and not list(folder.iterdir())
    assert {row["id"]: row["n"] for row in in_order.to_pylist()} == {name: n for n, name in enumerate(names)}
    assert len(cuts) == max(0, -(-len(names) // size) - 1)
