"""Rows that their own method rejects: a self-check that refused, a revision that broke a right answer, ...

Methods yield such rows all the same, with a stable word in their notes (`refused`), so that every row is accounted for.
"""

from filters.base import PASS, Context, Finding, Options, fail, row_filter
from filters.rows import Row


@row_filter("method_rejection", version="1")
def method_rejection(row: Row, context: Context, options: Options) -> Finding:
    """The method that wrote the row does not reject it; rows of methods without a rule of their own pass."""
    refused = row.notes.refused
    return PASS if refused is None else fail(refused)
