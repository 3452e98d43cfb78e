"""Whether a solution marks several numbers as its answer: intermediate results in boxes, or an answer that is changed."""

import re

from filters.base import PASS, Context, Finding, Options, fail, row_filter
from filters.rows import Row
from filters.worked import worked_solution
from synth.answers.numbers import parse_number

_BOX = re.compile(r"\\boxed\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
_UNIT = re.compile(r"\\(?:text|mathrm)\s*\{[^{}]*\}|\\[,;:! ]|\\?[$%£€]|[^\d./-]*$")


@row_filter("several_answers", version="1")
def several_answers(row: Row, context: Context, options: Options) -> Finding:
    """Where the answer is one number, every box of a worked solution holds it."""
    if (solution := worked_solution(row)) is None or row.kind == "stepwise" or not row.answer:
        return PASS
    if parse_number(row.answer) is None:
        return PASS
    boxes = [_UNIT.sub("", box.replace("{,}", ",")).strip() for box in _BOX.findall(solution)]
    values = {parse_number(box) if parse_number(box) is not None else box for box in boxes}
    return fail("several_answers", boxes=boxes[:8]) if len(values) > 1 else PASS
