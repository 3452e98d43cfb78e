"""A process that compares expressions by computer algebra, one request per line; its parent may kill it at any time.

Both must hold for `correct`: math-verify calls them equal, and their difference simplifies to zero. `wrong` needs values
that differ clearly at several points. Anything else is `unverifiable`.
"""

import json
import logging
import resource
import sys
from typing import Any

_MEMORY = 2 << 30
_POINTS = (("7/3", "11/5", "13/7", "5/9", "17/11", "19/13"), ("3/11", "23/7", "29/19", "31/8", "2/17", "37/5"))


def main() -> None:
    """Answer requests `[gold, answer]` with an outcome until the input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    logging.disable(logging.CRITICAL)
    import math_verify  # noqa: F401 - loaded before the first request is timed

    _compare("x+1", "1+x")
    print("ready", flush=True)  # noqa: T201
    for line in sys.stdin:
        try:
            outcome = _compare(*json.loads(line))
        except (Exception, RecursionError):  # whatever SymPy raises on a strange expression
            outcome = "unverifiable"
        print(outcome, flush=True)  # noqa: T201


def _compare(gold: str, answer: str) -> str:
    from math_verify import verify

    left, right = _parse(gold), _parse(answer)
    if left is None or right is None:
        return "unverifiable"
    if _differ(left, right):
        return "wrong"
    import sympy

    same = sympy.simplify(left - right) == 0
    return "correct" if same and verify([left], [right], timeout_seconds=None) else "unverifiable"


def _parse(text: str) -> Any:
    """Parse a whole LaTeX expression; None when only a part of it was understood."""
    import sympy
    from math_verify import LatexExtractionConfig, parse

    candidates = parse(f"${text}$", [LatexExtractionConfig()], fallback_mode="no_fallback", parsing_timeout=None)
    tree = candidates[0] if candidates else None
    if not isinstance(tree, sympy.Expr) or tree.has(sympy.nan, sympy.zoo) or tree.atoms(sympy.Float):
        return None
    plain = text.replace(" ", "")
    letters = {letter for letter in _letters(plain) if letter != "e"}
    return tree if {str(symbol) for symbol in tree.free_symbols} - {"e"} == letters else None


def _letters(text: str) -> set[str]:
    """Letters that stand for themselves: those outside of commands."""
    import re

    return set(re.sub(r"\\[A-Za-z]+", " ", text)) & set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


def _differ(left: Any, right: Any) -> bool:
    import sympy

    symbols = sorted(left.free_symbols | right.free_symbols, key=str)
    for values in _POINTS:
        point = dict(zip(symbols, map(sympy.Rational, values), strict=False))
        left_value, right_value = (sympy.N(side.subs(point), 30) for side in (left, right))
        if not (left_value.is_number and right_value.is_number and left_value.is_finite and right_value.is_finite):
            return False
        if abs(left_value - right_value) <= 10**-20 * max(1, abs(left_value), abs(right_value)):
            return False
    return True


if __name__ == "__main__":
    main()
