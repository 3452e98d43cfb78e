"""Brackets in answers."""

OPENING, CLOSING = "([{", ")]}"


def closes_last(text: str) -> bool:
    """Whether the bracket that a text begins with is closed by its last character."""
    depth = 0
    for index, character in enumerate(text):
        depth += (character in OPENING) - (character in CLOSING)
        if depth == 0:
            return index == len(text) - 1
    return False


def depth_of(text: str) -> int:
    """How many brackets a text leaves open; negative when it closes more."""
    return sum(text.count(mark) for mark in OPENING) - sum(text.count(mark) for mark in CLOSING)
