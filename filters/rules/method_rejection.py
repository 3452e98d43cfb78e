"""Whether the method's own rule speaks against a row: a self-check that refused, a revision that broke a right answer, ...

Methods yield such rows all the same, with the rule's stable word in their notes (`refused`), so that every row is accounted for.
"""

from filters.base import PASS, Context, Finding, Options, fail, row_filter
from filters.rows import Row


@row_filter("own_rule", version="1")
def own_rule(row: Row, context: Context, options: Options) -> Finding:
    """The method's own rule has nothing against the row; rows of methods without such a rule pass."""
    refused = row.notes.refused
    return PASS if refused is None else fail(refused)
