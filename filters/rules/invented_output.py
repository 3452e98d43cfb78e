"""Whether a response shows the output of a program that nobody ran: models that were trained on code and tools invent it."""

import re

from filters.base import PASS, Context, Finding, Options, fail, row_filter
from filters.rows import Row

_OUTPUT = re.compile(
    r"^[ \t]*(?:```[ \t]*(?:output|out|stdout|console|result)\b|>>>[ \t]|Out\[\d+\]:"
    r"|#{0,6}[ \t]*[*_]{0,2}(?:code|program|python|execution|console)[ \t]+output\b)",
    re.IGNORECASE | re.MULTILINE,
)
_MARKS = ("```", ">>>", "Out[", "utput", "UTPUT")


@row_filter("invented_output", version="2")
def invented_output(row: Row, context: Context, options: Options) -> Finding:
    """No output of a program is claimed, in steps neither; where the chat has turns of a tool, an output may be quoted."""
    if any(role == "tool" for role, _ in row.messages):
        return PASS
    learned = "\n".join([row.learned, *(step or "" for step in row.steps or ())])
    if not any(mark in learned for mark in _MARKS):
        return PASS
    match = _OUTPUT.search(learned)
    return PASS if match is None else fail("invented_output", text=match[0].strip())
