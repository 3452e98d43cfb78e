"""Rows that are nearly the same are folded, so that ten rows to read are ten different ones."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

ALIKE = 0.5
"""Share of words that two rows have in common (Jaccard) from which on one of them is folded; numbers count as one word."""
SHOWN = 3
"""Rows of a group that stand open at most; what differs further is folded too, after them."""


def folded(rows: Sequence[Mapping[str, Any]]) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """Split rows into those to read first, each unlike those before it, and the others, both in their order."""
    first: list[Mapping[str, Any]] = []
    others: list[Mapping[str, Any]] = []
    seen: list[frozenset[str]] = []
    for row in rows:
        words = _words(row)
        if len(first) < SHOWN and all(_alike(words, known) < ALIKE for known in seen):
            first.append(row)
            seen.append(words)
        else:
            others.append(row)
    return first, others


def _words(row: Mapping[str, Any]) -> frozenset[str]:
    texts = [row.get("prompt"), row.get("response"), row.get("text")]
    text = " ".join((text or "")[:2_000] for text in texts).lower()
    return frozenset(re.findall(r"\w+", re.sub(r"\d+", " 0 ", text)))


def _alike(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one | other else 1.0
