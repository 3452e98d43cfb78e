"""Whether a reply repeats the prompt's own wording: what was asked for in words, or an example, copied instead of followed."""

import re
from collections.abc import Iterator

from synth.problems.steps import thoughts_end

_EXPRESSION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_WORDS = re.compile(r"[^\W_]+")
_HEADING = re.compile(r"^[ \t>#*_`\-•]*[A-Za-z][A-Za-z ]{0,30}\d{0,2}[*_`]*:[*_`]*\s*")
LEAST = 5
"""Words from which on a line of a reply is compared."""
REPEATED = 0.8
GRAM = 4
SHARE = 0.5
"""Share of a line's runs of `GRAM` words that stand in the prompt from which on it is copied."""


def copied_line(reply: str, template: str) -> str | None:
    """Return a line of a reply that is copied from the prompt's template; None when there is none.

    Args:
        reply: What the model wrote.
        template: The template's source. What is rendered into it (the problem, an attempt) may be repeated.
    """
    written = {gram for line in _EXPRESSION.sub("\n", template).splitlines() for gram in _grams(_words(line))}
    for line in reply[thoughts_end(reply) :].splitlines():
        words = _words(_HEADING.sub("", line))
        grams = list(_grams(words))
        if len(words) >= LEAST and sum(gram in written for gram in grams) >= SHARE * len(grams):
            return line.strip()
    return None


def repeats(text: str, other: str) -> bool:
    """Whether nearly all of another text's words stand in a text, in its order: runs of `GRAM` words, four of five."""
    grams, own = set(_grams(_words(text))), list(_grams(_words(other)))
    return len(own) > LEAST - GRAM and sum(gram in grams for gram in own) >= REPEATED * len(own)


def _words(text: str) -> list[str]:
    return _WORDS.findall(text.casefold())


def _grams(words: list[str]) -> Iterator[tuple[str, ...]]:
    return (tuple(words[start : start + GRAM]) for start in range(len(words) - GRAM + 1))
