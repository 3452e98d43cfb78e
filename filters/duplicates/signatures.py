"""The `signatures` of accepted rows: what finding duplicates in later nights needs of them."""

import pyarrow as pa

from filters.base import Context
from filters.duplicates.normal_form import normal_form
from filters.duplicates.sketch import EXACT_STRUCTURE, SCHEME, SLOTS
from filters.duplicates.sketches import sketch_rows
from filters.rows import read_rows

SIGNATURES = pa.schema(
    [
        *((name, pa.string()) for name in ("sample_id", "method", "task", "exact", "scheme")),
        ("minhash", pa.list_(pa.uint32())),
    ]
)
"""Columns of a table of signatures; the lake adds `commit_id`."""


def make_signatures(samples: pa.Table, context: Context) -> pa.Table:
    """Make one signature per row, in the order of the rows.

    Args:
        samples: The accepted rows.
        context: Its problems must be those that the filters had.

    Returns:
        A table of schema `SIGNATURES`.
    """
    rows = read_rows(samples)
    slots = sketch_rows(rows, context, EXACT_STRUCTURE).slots.reshape(len(rows), 2 * SLOTS)
    columns = {
        "sample_id": [row.sample_id for row in rows],
        "method": [row.method for row in rows],
        "task": [row.task for row in rows],
        "exact": [normal_form(row, context) for row in rows],
        "scheme": [SCHEME] * len(rows),
        "minhash": pa.FixedSizeListArray.from_arrays(pa.array(slots.ravel()), 2 * SLOTS).cast(pa.list_(pa.uint32())),
    }
    return pa.table(columns, schema=SIGNATURES)
