"""Whether a response shows the output of a program that nobody ran, or calls on a program that is not there.

Models that were trained on code and tools invent an output, or say that they "verify the solution with Python" and do not.
"""

import re

from filters.base import PASS, Context, Finding, Options, fail, row_filter
from filters.rows import Row
from synth.problems.steps import thoughts_end

_TASKS = frozenset({"arithmetic", "math_word"})
_OUTPUT = re.compile(
    r"^[ \t]*(?:```[ \t]*(?:output|out|stdout|console|result)\b|>>>[ \t]|Out\[\d+\]:"
    r"|#{0,6}[ \t]*[*_]{0,2}(?:code|program|python|execution|console)[ \t]+output\b)",
    re.IGNORECASE | re.MULTILINE,
)
_MARKS = ("```", ">>>", "Out[", "utput", "UTPUT")
_CALLED = re.compile(
    r"\b(?:us(?:e|ing)|with|into|in|by|run(?:ning)?|execut(?:e|ing)|writ(?:e|ing)|implement(?:ing)?)\s+(?:(?:a|an|the|some|this|simple|short)\s+){0,3}"
    r"(?:python|sympy|javascript)\b",
    re.IGNORECASE,
)
_CODE = re.compile(r"\b(?:python|sympy|javascript|code|program)", re.IGNORECASE)


@row_filter("invented_output", version="3")
def invented_output(row: Row, context: Context, options: Options) -> Finding:
    """No output of a program is claimed, in steps neither; where the chat has turns of a tool, an output may be quoted.

    Where a number is asked for, a program that is called on stands in the response, or the problem speaks of one.
    """
    if any(role == "tool" for role, _ in row.messages):
        return PASS
    learned = "\n".join([row.learned, *(step or "" for step in row.steps or ())])
    if any(mark in learned for mark in _MARKS) and (match := _OUTPUT.search(learned)) is not None:
        return fail("invented_output", text=match[0].strip())
    if row.task not in _TASKS or "```" in learned:
        return PASS
    called = _CALLED.search(learned, thoughts_end(learned))
    if called is None or any(_CODE.search(content) for role, content in row.messages if role != "assistant"):
        return PASS
    return fail("missing_program", text=called[0])
