"""Whether the method's own rule speaks against a row: a self-check that refused, a revision that broke a right answer, ...

Methods yield such rows all the same, with the rule's stable word in `attrs.refused`, so that every row is accounted for.
"""

import re

from filters.base import PASS, Context, Finding, Options, fail, row_filter
from filters.rows import Row

_WORD = re.compile(r"[a-z][a-z0-9_]{0,63}")


@row_filter("own_rule", version="1")
def own_rule(row: Row, context: Context, options: Options) -> Finding:
    """The method's own rule has nothing against the row; rows of methods without such a rule pass."""
    refused = row.attrs.get("refused")
    if refused is None:
        return PASS
    return fail(refused if isinstance(refused, str) and _WORD.fullmatch(refused) else "refused")
