"""The sentence about a name that there is not: the nearest that there is, or all of them."""

from collections.abc import Iterable
from difflib import get_close_matches


def unknown(kind: str, name: str, choices: Iterable[str]) -> str:
    """Say that `name` is unknown, with the nearest known one, or all of them."""
    names = sorted(choices)
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names)}"
    return f"unknown {kind} {name!r}; {hint}"
