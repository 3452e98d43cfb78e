"""Denoising beside next-token prediction: some of a document is hidden, and has to be written from the rest."""

from typing import ClassVar

import numpy as np
from pydantic import Field, model_validator

from train_stages.transforms.base import Document, DocumentTransform, Example

MARK = "<{}>"
"""Stands for a hidden span, and before it where it is learned."""


class Denoising(DocumentTransform):
    """Mixture of denoisers: short spans are hidden (regular), or many and long ones (extreme), or the end (sequential).

    UL2 in our own words, of which only the abstract was read: spans are of words instead of tokens, and the model is a decoder,
    which reads what is left and then writes what was hidden, span by span. A mode token says which kind it is; a later stage, or
    a prompt, may name the mode that it wants.
    """

    name: ClassVar[str] = "denoising"
    paper: ClassVar[str] = "arXiv:2205.05131"
    examples: ClassVar[tuple[Example, ...]] = (
        # The last quarter of four words is one; no word before it can be hidden.
        Example("one two three four", Document("[S] one two three", " four"), {"kinds": (0.0, 1.0, 0.0)}),
        # A share of 1 hides all words, and a mean span far longer than the text makes one span of them.
        Example("one two", Document("[X] <0>", "\n<0> one two"), {"kinds": (0, 0, 1), "extreme": (1000.0, 1.0)}),
    )

    kinds: tuple[float, float, float] = Field(
        default=(0.5, 0.25, 0.25), description="Probabilities of regular, sequential and extreme denoising; ours."
    )
    modes: tuple[str, str, str] = Field(default=("[R]", "[S]", "[X]"), description="Mode token of each; ours.")
    regular: tuple[float, float] = Field(
        default=(3.0, 0.15), description="Mean length of a span in words, and share of the words that is hidden; ours."
    )
    extreme: tuple[float, float] = Field(default=(8.0, 0.5), description="The same of extreme denoising; ours.")
    end: float = Field(
        default=0.25, gt=0, lt=1, description="Share of the words that sequential denoising hides; ours."
    )

    @model_validator(mode="after")
    def _in_range(self) -> "Denoising":
        if min(self.kinds) < 0 or abs(sum(self.kinds) - 1) > 1e-6:
            raise ValueError("kinds must be three probabilities that add up to 1")
        for length, share in (self.regular, self.extreme):
            if length < 1 or not 0 < share <= 1:
                raise ValueError("regular and extreme are a mean length of at least 1 and a share above 0, at most 1")
        return self

    def __call__(self, text: str, rng: np.random.Generator) -> Document | None:
        """Return what is left of the document, and what was hidden; None for fewer than two words, or a text with marks in it."""
        words = _words(text)
        if len(words) < 2 or MARK.format(0) in text:
            return None
        kind = int(rng.choice(3, p=np.asarray(self.kinds) / sum(self.kinds)))
        mode = self.modes[kind]
        if kind == 1:
            hidden = max(1, round(self.end * len(words)))
            return Document(f"{mode} {''.join(words[:-hidden])}", "".join(words[-hidden:]))
        left, hidden_spans = _cut(words, spans(len(words), *(self.regular if kind == 0 else self.extreme), rng))
        return Document(f"{mode} {left}", "\n" + "".join(hidden_spans))


def spans(count: int, mean: float, share: float, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Draw spans of words that do not touch, as in T5: how many and how much is fixed, where and how long is drawn.

    Args:
        count: Words there are.
        mean: Mean length of a span.
        share: Of the words in spans.
        rng: The generator.

    Returns:
        From (inclusive) and to (exclusive) of each, in order.
    """
    hidden = min(count, max(1, round(share * count)))
    number = min(max(1, round(hidden / mean)), hidden, count - hidden + 1)
    lengths = _parts(hidden, number, rng)
    free = count - hidden - (number - 1)  # a word lies between two spans at least
    gaps = np.diff([0, *sorted(rng.integers(0, free + 1, number)), free])
    found, at = [], 0
    for gap, length in zip(gaps, lengths, strict=False):
        start = at + int(gap)
        found.append((start, start + length))
        at = start + length + 1
    return found


def _parts(total: int, number: int, rng: np.random.Generator) -> list[int]:
    """Cut a total into so many parts of at least 1, every way alike."""
    cuts = sorted(rng.choice(total - 1, number - 1, replace=False) + 1) if number > 1 else []
    return [int(part) for part in np.diff([0, *cuts, total])]


def _words(text: str) -> list[str]:
    """Words, each with the space before it, so that joining them gives the text."""
    words: list[str] = []
    for character in text:
        if not words or (character.isspace() and not words[-1][-1].isspace() and words[-1].strip()):
            words.append(character)
        else:
            words[-1] += character
    return words


def _cut(words: list[str], found: list[tuple[int, int]]) -> tuple[str, list[str]]:
    """The text with a mark for each span, and the spans, each after its mark."""
    left, hidden, at = "", [], 0
    for number, (start, end) in enumerate(found):
        span, mark = "".join(words[start:end]), MARK.format(number)
        space = span[: len(span) - len(span.lstrip())]
        left += "".join(words[at:start]) + space + mark
        hidden.append(f"{' ' if number else ''}{mark} {span.strip()}")
        at = end
    return left + "".join(words[at:]), hidden
