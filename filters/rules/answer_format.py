"""Whether a row obeys its own prompt: an answer is written in the form that the prompt asks for."""

from filters.base import PASS, Context, Finding, Options, fail, row_filter
from filters.rows import Row
from synth.answers.format import asked_formats, obeys_format

_KINDS = frozenset({"sft", "preference"})


@row_filter("answer_format", version="1")
def answer_format(row: Row, context: Context, options: Options) -> Finding:
    """The final answer has the form that the prompt asks for; a prompt that asks for none, or for several, is obeyed by any."""
    if row.kind not in _KINDS:
        return PASS
    asked = asked_formats(content for role, content in row.messages if role not in ("assistant", "tool"))
    if len(asked) != 1:
        return PASS
    (form,) = asked
    return PASS if obeys_format(row.learned, form) else fail("format_disobeyed", asked=form)
