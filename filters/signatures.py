"""The `signatures` of accepted rows: what finding duplicates in later nights needs of them."""

import pyarrow as pa

from filters.base import Context
from filters.near_duplicates import NearDuplicateOptions
from filters.normal_form import normal_form
from filters.rows import read_rows
from filters.sketch import SCHEME, sketch

SIGNATURES = pa.schema(
    [
        *((name, pa.string()) for name in ("sample_id", "method", "task", "exact", "scheme")),
        ("minhash", pa.list_(pa.uint32())),
    ]
)
"""Columns of a table of signatures; the lake adds `commit_id`."""


def make_signatures(samples: pa.Table, context: Context, options: NearDuplicateOptions | None = None) -> pa.Table:
    """Make one signature per row, in the order of the rows.

    Args:
        samples: The accepted rows.
        context: Its problems must be those that the rows were judged with.
        options: Options of `near_duplicates` in this recipe.

    Returns:
        A table of schema `SIGNATURES`.
    """
    exact_structure = (options or NearDuplicateOptions()).exact_structure
    rows = [
        {
            "sample_id": row.sample_id,
            "method": row.method,
            "task": row.task,
            "exact": normal_form(row, context),
            "scheme": SCHEME,
            "minhash": sketch(row, context, exact_structure).slots,
        }
        for row in read_rows(samples)
    ]
    return pa.Table.from_pylist(rows, schema=SIGNATURES)
