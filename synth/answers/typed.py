r"""Answers by their type: tuples, intervals, sets, lists, assignments, percentages, and what is left as an expression.

Every part is compared by its own type, and the type itself must agree: `(1, 2)` is not `[1, 2)`, `x = 5` is not `y = 5`.
"""

import re
from collections.abc import Callable, Sequence

from synth.answers.math_form import bare
from synth.answers.outcome import Outcome

Compare = Callable[[str, str], Outcome]

_OPEN, _CLOSE = "([{", ")]}"
_ASSIGNMENT = re.compile(r"([A-Za-z](?:_\{?\w{1,3}\}?)?)\s*=\s*([^=<>]+)")
_RELATION = re.compile(
    r"<=|>=|\\leq?\b|\\geq?\b|\\neq?\b|\\ne\b|[<>≤≥≠]|(?<![<>!=])=(?!=)|\\in\b|∈|\\cup|∪|\\pm|±|\\to|→"
)
_LIST = re.compile(r"\s*(?:,|;|\band\b|\\text\s*\{\s*and\s*\})\s*(?:and\b)?\s*")


def compare_typed(gold: str, answer: str, plain: Compare) -> Outcome:
    """Compare two answers; parts that have no parts are handed to `plain`.

    A difference in type is `UNVERIFIABLE` unless both are of types that exclude each other.
    """
    left, right = bare(gold), bare(answer)
    left, right, named = _unassigned(left, right)
    if named is not None:
        return named
    kinds = _kind(left), _kind(right)
    if kinds[0] != kinds[1]:
        return Outcome.WRONG if {"open", "closed", "left", "right"} >= set(kinds) else Outcome.UNVERIFIABLE
    if kinds[0] == "relation":
        return Outcome.CORRECT if _plain(left) == _plain(right) else Outcome.UNVERIFIABLE
    if kinds[0] == "one":
        return plain(left, right)
    parts, others = _parts(left, kinds[0]), _parts(right, kinds[0])
    if not all([*parts, *others]):
        return Outcome.UNVERIFIABLE
    if kinds[0] in ("set", "list"):
        return _unordered(parts, others, plain)
    if len(parts) != len(others):
        return Outcome.WRONG
    return _all([compare_typed(one, other, plain) for one, other in zip(parts, others, strict=True)])


def _unassigned(left: str, right: str) -> tuple[str, str, Outcome | None]:
    """Take off `x =`; two different names are wrong."""
    first, second = _ASSIGNMENT.fullmatch(left), _ASSIGNMENT.fullmatch(right)
    if first and second and first[1] != second[1]:
        return (
            left,
            right,
            Outcome.WRONG if _plain(first[1]).lower() != _plain(second[1]).lower() else Outcome.UNVERIFIABLE,
        )
    if first and not second and not _RELATION.search(right):
        return first[2], right, None
    if second and not first and not _RELATION.search(left):
        # A single letter as gold answer is compared as it stands: `x` is not `x = 5`.
        return left, second[2], None
    return (first[2], second[2], None) if first and second else (left, right, None)


def _kind(text: str) -> str:
    if text.startswith(r"\{") and text.endswith(r"\}"):
        return "set"
    if len(text) > 2 and text[0] in _OPEN and text[-1] in _CLOSE and _closes_last(text) and "," in text:
        if text[0] == "{":
            return "set" if text[-1] == "}" else "relation"
        return {"()": "open", "[]": "closed", "[)": "left", "(]": "right"}.get(text[0] + text[-1], "relation")
    if _RELATION.search(text):
        return "relation"
    return "list" if len(_split(text)) > 1 else "one"


def _closes_last(text: str) -> bool:
    depth = 0
    for index, character in enumerate(text):
        depth += (character in _OPEN) - (character in _CLOSE)
        if depth == 0:
            return index == len(text) - 1
    return False


def _parts(text: str, kind: str) -> list[str]:
    if kind == "list":
        return _split(text)
    return _split(text[2:-2] if text.startswith(r"\{") else text[1:-1])


def _split(text: str) -> list[str]:
    """Cut at commas outside brackets; a comma between groups of digits belongs to a number."""
    parts, depth, start = [], 0, 0
    for index, character in enumerate(text):
        depth += (character in _OPEN) - (character in _CLOSE)
        if character in ",;" and depth == 0 and not re.match(r"\d,\d{3}(?!\d)", text[max(0, index - 1) : index + 5]):
            parts.append(text[start:index])
            start = index + 1
    parts.append(text[start:])
    last = re.split(r"\s+(?:and|or|\\text\s*\{\s*and\s*\})\s+", parts[-1])
    return [part.strip().removeprefix("and ").strip() for part in (*parts[:-1], *last)]


def _unordered(parts: Sequence[str], others: Sequence[str], plain: Compare) -> Outcome:
    if len(parts) != len(others):
        return Outcome.WRONG
    if len(parts) > 12:
        return Outcome.UNVERIFIABLE
    left, doubtful = list(others), False
    for part in parts:
        outcomes = [compare_typed(part, other, plain) for other in left]
        if Outcome.CORRECT in outcomes:
            left.pop(outcomes.index(Outcome.CORRECT))
        elif Outcome.UNVERIFIABLE in outcomes:
            doubtful = True
        else:
            return Outcome.WRONG
    return Outcome.UNVERIFIABLE if doubtful else Outcome.CORRECT


def _all(outcomes: Sequence[Outcome]) -> Outcome:
    if Outcome.WRONG in outcomes:
        return Outcome.WRONG
    return Outcome.UNVERIFIABLE if Outcome.UNVERIFIABLE in outcomes else Outcome.CORRECT


def _plain(text: str) -> str:
    return re.sub(
        r"\s+|[{}]",
        "",
        text.replace(r"\leq", r"\le")
        .replace("≤", r"\le")
        .replace(r"\geq", r"\ge")
        .replace("≥", r"\ge")
        .replace("<=", r"\le")
        .replace(">=", r"\ge"),
    )
