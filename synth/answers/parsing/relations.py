"""Answers with signs of relation: `x = 5`, chains such as `28/4 = 7`, equations, inequalities and membership."""

import re

from synth.answers.algebra.expression import Tree, whole_expression
from synth.answers.algebra.trees import symbols
from synth.answers.parsing.brackets import depth_of
from synth.answers.parsing.forms import Form, Named, Quantity, Reader, Relation, Words
from synth.answers.parsing.quantities import quantity_of_number
from synth.answers.parsing.typography import tidy

_SIGNS = re.compile(r"<=|>=|!=|=<|=>|\\(?:le|ge|ne|approx|sim|in|equiv|to|rightarrow|Rightarrow)(?![A-Za-z])|[=<>≈]")
_SIGN = {
    "<=": "<=", "=<": "<=", "\\le": "<=", ">=": ">=", "\\ge": ">=", "!=": "!=", "\\ne": "!=", "\\approx": "~", "\\sim": "~",
    "≈": "~", "\\in": "in", "=": "=", "<": "<", ">": ">", "\\equiv": "other", "\\to": "other", "=>": "other",
    "\\rightarrow": "other", "\\Rightarrow": "other",
}  # fmt: skip
_NAME = re.compile(
    r"(?:[A-Za-z]|\\[A-Za-z]+)(?:_(?:\w|\{[^{}]{1,12}\}))?'*(?:\s*\(\s*-?[A-Za-z0-9](?:\s*,\s*[A-Za-z0-9])*\s*\))?|\|?[A-Z]{2,4}\|?(?:_\{?\w+\}?)?"
    r"|(?:\\(?:angle|overline|triangle|widehat)\s*\{?\s*)[A-Z]{1,4}\s*\}?|\\frac\s*\{[A-Z]{2}\}\s*\{[A-Z]{2}\}"
    r"|\|?[A-Z](?:_\{?\w+\}?)?\|?\s*:\s*[A-Z](?:_\{?\w+\}?)?"
)
_FUNCTION = re.compile(r"[A-Za-z](?:_\{?\w+\}?)?\s*\(\s*(?:[xyztnmku]|\\theta)(?:\s*,\s*[xyztnmku])*\s*\)")
_NAME_TUPLE = re.compile(r"\(\s*[A-Za-z](?:_\{?\w+\}?)?(?:\s*[,;]\s*[A-Za-z](?:_\{?\w+\}?)?)+\s*\)")
WORD_NAME = re.compile(r"(?:[A-Za-z][a-z]+|[a-z])(?:[ '-][A-Za-z]+){0,6}")


def read_relation(text: str, read: Reader) -> Form | None:
    """Read an equation, a chain, an inequality or a membership; None without a sign of relation outside brackets."""
    signs = _top_signs(text)
    if not signs or len(signs) > 8:
        return None
    sides, start = [], 0
    for position, end, _ in signs:
        sides.append(text[start:position].strip())
        start = end
    sides.append(text[start:].strip())
    kinds = [kind for _, _, kind in signs]
    if "other" in kinds or not sides[-1]:
        return Words(text)
    if not sides[0]:
        return read(sides[-1]) if set(kinds) <= {"=", "~"} else Words(text)
    if kinds == ["in"]:
        return Named((_name(sides[0]),), read(sides[1]), text) if _is_name(sides[0]) else Words(text)
    if set(kinds) <= {"=", "~"}:
        return _equation(text, sides, kinds, read)
    trees = [_tree(side) for side in sides]
    if any(tree is None for tree in trees) or "~" in kinds or "in" in kinds:
        return Words(text)
    return Relation(tuple(tree for tree in trees if tree is not None), tuple(kinds), text)


def _equation(text: str, sides: list[str], kinds: list[str], read: Reader) -> Form:
    """`x = 5` is named; `28/4 = 7` and `1/3 = 0.333 (rounded)` are their last exact member; others are equations."""
    exact = sides[: kinds.index("~") + 1] if "~" in kinds else sides
    names = sides[0] if _is_name(sides[0]) else ""
    if names and len(exact) == 1:
        exact = sides[:2]
    last = tidy(exact[-1])
    if names and len(exact) > 1:
        value = read(last)
        tree = _tree(sides[0])
        repeated = isinstance(value, Quantity) and tree is not None and symbols(tree) & symbols(value.tree)
        if _FUNCTION.fullmatch(sides[0]) or not repeated:
            return Named(_names(names), value, text)
    members = [_tree(side) for side in exact]
    if len(exact) == 1:
        return read(last)
    if all(member is not None and not symbols(member) for member in members):
        return read(last)
    if len(exact) > 2 and not symbols(members[-1] or ("s", "?")):
        return read(last)
    if len(exact) == 2 and WORD_NAME.fullmatch(exact[0]) and len(exact[0]) > 3:
        return read(last)
    trees = tuple(member for member in members if member is not None)
    if len(trees) != len(members):
        return Words(text)
    return Relation(trees, ("=",) * (len(trees) - 1), text)


def _top_signs(text: str) -> list[tuple[int, int, str]]:
    signs, depth, last = [], 0, 0
    for match in _SIGNS.finditer(text):
        piece = text[last : match.start()]
        depth += depth_of(piece)
        last = match.end()
        if depth == 0:
            signs.append((match.start(), match.end(), _SIGN[match[0]]))
    return signs


def _is_name(side: str) -> bool:
    side = side.strip()
    return bool(_NAME.fullmatch(side) or _NAME_TUPLE.fullmatch(side)) and side not in ("\\pi", "e", "i")


def _names(side: str) -> tuple[str, ...]:
    if _NAME_TUPLE.fullmatch(side):
        return tuple(_name(part) for part in re.split("[,;]", side.strip("() ")))
    return (_name(side),)


def _name(side: str) -> str:
    return re.sub(r"[\s{}]|\\(?:angle|overline|triangle|widehat)", "", side)


def _tree(side: str) -> Tree | None:
    plain = tidy(side)
    number = quantity_of_number(plain)
    return whole_expression(plain) or (("n", number.value, None) if number is not None else None)
