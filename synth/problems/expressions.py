"""Finds arithmetic inside prose: expressions joined by `=`, and plain numbers."""

from collections.abc import Sequence
from fractions import Fraction

from synth.problems.expression_parser import MAX_DIGITS, Expression, parse_at
from synth.problems.expression_tokens import Token, names_variable, number_of, tokenise

_SCALES = frozenset({"hundred", "thousand", "million", "billion", "trillion"})


def runs(text: str) -> list[tuple[Expression, Expression]]:
    """Find the pairs of expressions joined by `=` in a line of prose; a chain `a = b = c` gives two pairs."""
    tokens = tokenise(text)
    pairs = []
    position = 0
    left: Expression | None = None
    left_end = -1
    while position < len(tokens):
        run = _run(tokens, position)
        if run is None:
            position += 1
            continue
        expression, end, after = run
        joined = (
            position > 0 and left is not None and left_end == position - 1 and tokens[position - 1].kind == "equals"
        )
        if joined and left is not None and not _tainted_after(tokens, end):
            pairs.append((left, expression))
        clean = joined or not _tainted_before(tokens, position)
        if not joined and not expression.operators:
            # `8 = 5 + 3` is an equation, `it takes 14 hours = 14 * 60 minutes` is not.
            clean = clean and after == end and (position == 0 or tokens[position - 1].kind != "word")
        left, left_end = (expression, after) if clean else (None, -1)
        position = end
    return pairs


def numbers(text: str) -> set[Fraction]:
    """All plain numbers in a text."""
    return {
        number_of(token.text) for token in tokenise(text) if token.kind == "number" and len(token.text) <= MAX_DIGITS
    }


def _run(tokens: Sequence[Token], position: int) -> tuple[Expression, int, int] | None:
    """The longest expression that starts at `position`, the index after it, and the index after its units."""
    if tokens[position].kind not in ("number", "open", "currency") and not _unary(tokens, position):
        return None
    return parse_at(tokens, position)


def _unary(tokens: Sequence[Token], position: int) -> bool:
    """Whether a minus here is a sign: glued to what follows, and nothing before it to subtract from."""
    if tokens[position].text != "-" or position + 1 == len(tokens):
        return False
    if tokens[position].end != tokens[position + 1].start:
        return False
    before = tokens[position - 1] if position else None
    if before is None or before.kind in ("equals", "open"):
        return True
    return before.kind == "word" and len(before.text) > 1 and before.end < tokens[position].start


def _tainted_before(tokens: Sequence[Token], position: int) -> bool:
    """Whether the expression at `position` is only the tail of something that could not be read."""
    if position == 0:
        return False
    before = tokens[position - 1]
    if before.kind in ("operator", "number", "close", "percent"):
        return True
    if before.kind == "word":
        return len(before.text) == 1 and before.text not in "aAI" and before.end == tokens[position].start
    if before.kind == "open":
        return position > 1 and tokens[position - 2].kind == "operator"
    if before.text == ":":
        return before.end == tokens[position].start and position > 1 and tokens[position - 2].kind == "number"
    return before.kind == "other" and before.text not in ",.;!?\"'“”‘’…>|{}→•"


def _tainted_after(tokens: Sequence[Token], position: int) -> bool:
    """Whether the expression before `position` goes on in a way that could not be read."""
    if position >= len(tokens):
        return False
    token = tokens[position]
    following = tokens[position + 1] if position + 1 < len(tokens) else None
    if token.kind == "word":
        return token.text.lower() in _SCALES or names_variable(tokens, position)
    if token.kind == "other":
        if token.text == ":":
            return following is not None and following.kind == "number" and token.end == following.start
        return token.text in "^!√²³_"
    if token.kind == "operator" and following is not None:
        return following.kind == "open" or (following.kind == "word" and names_variable(tokens, position + 1))
    return token.kind == "number"
