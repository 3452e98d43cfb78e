"""Prompt erasure: a row that asks by another prompt than the model was asked by must hold nothing of what was taken out.

`leaks` looks for runs of five words (Orca 2, arXiv:2311.11045; that the run is of five is ours).
"""

import re
from collections.abc import Iterable, Sequence

GRAM = 5
"""Words in a row that count as a repetition."""
_POINTS = re.compile(
    r"\b(?:examples?|demonstrations?|solutions?)\s+(?:above|before)\b"
    r"|\b(?:above|previous|earlier|preceding|given)\s+(?:examples?|demonstrations?)\b",
    re.IGNORECASE,
)


def leaks(erased: str, texts: Sequence[str], own: str = "") -> bool:
    """Whether five words in a row of what was erased stand in one of these texts; all of them, where it is shorter.

    Args:
        erased: What was taken out.
        texts: The row: what it asks and what it answers.
        own: What the row may say all the same: its own problem, of which a text may repeat any run.
    """
    words = _words(erased)
    size = min(GRAM, len(words))
    grams = set(_runs(words, size)) - set(_runs(_words(own), size))
    return any(run in grams for text_words in map(_words, texts) for run in _runs(text_words, size))


def repeats_examples(questions: Iterable[str], response: str, problem: str) -> bool:
    """Whether a solution repeats one of the questions that were shown before its own, or points at these examples.

    Args:
        questions: Questions of the demonstrations.
        response: The solution.
        problem: The problem that was asked.
    """
    return _POINTS.search(response) is not None or any(leaks(question, [response], problem) for question in questions)


def _runs(words: Sequence[str], size: int) -> list[tuple[str, ...]]:
    return [tuple(words[start : start + size]) for start in range(len(words) - size + 1)] if size else []


def _words(text: str) -> list[str]:
    return "".join(letter if letter.isalnum() else " " for letter in text.casefold()).split()
