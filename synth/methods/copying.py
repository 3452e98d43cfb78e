"""Whether a reply repeats the prompt's own wording: a description or an example that was to be followed, not copied."""

import re

_EXPRESSION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_WORDS = re.compile(r"[^\W_]+")
_HEADING = re.compile(r"^[ \t>#*_`\-•]*[A-Za-z][A-Za-z ]{0,30}\d{0,2}[*_`]*:[*_`]*\s*")
LEAST = 4
"""Words from which on a line of a reply is compared."""


def copied_line(reply: str, template: str) -> str | None:
    """Return a line of a reply that stands in the prompt's template, without its heading; None when there is none.

    Args:
        reply: What the model wrote.
        template: The template's source. What is rendered into it (the problem, an attempt) may be repeated.
    """
    written = {_plain(line) for line in _EXPRESSION.sub("\n", template).splitlines()}
    for line in reply.rpartition("</think>")[2].splitlines():
        plain = _plain(line)
        if len(plain) >= LEAST and plain in written:
            return line.strip()
    return None


def _plain(line: str) -> tuple[str, ...]:
    return tuple(_WORDS.findall(_HEADING.sub("", line).casefold()))
