"""What reasoning-gym's scorers may evaluate of an answer: literals, and expressions of numbers, operators and known functions.

Some of its scorers hand an answer to Python's `eval`, or to SymPy's parser, which evaluates too. `make_safe` puts these in their
place; it is for a process that does nothing else (`scoring_worker`).
"""

import ast
import re
from typing import Any

MOST_CHARACTERS = 2_000
"""Of an expression."""
_TOKEN = re.compile(r"(?P<number>\d{1,40}(?:\.\d{0,40})?)|(?P<name>[A-Za-z]+)|\*\*|[-+*/^(),]|\s+")
NAMES = frozenset(
    [
        "sin",
        "cos",
        "tan",
        "cot",
        "sec",
        "csc",
        "asin",
        "acos",
        "atan",
        "sinh",
        "cosh",
        "tanh",
        "exp",
        "log",
        "ln",
        "sqrt",
        "pi",
        "Abs",
        "Rational",
        "Integer",
        "Float",
        "Symbol",
    ]
)
"""Functions that an expression may use, beside letters that stand alone."""
EVALUATES = {
    "algorithmic.binary_matrix": "eval",
    "algorithmic.number_sorting": "eval",
    "algorithmic.spiral_matrix": "eval",
    "algorithmic.string_insertion": "eval",
    "games.n_queens": "eval",
    "games.countdown": "parse_expr",
    "games.puzzle24": "parse_expr",
}
"""Modules whose scorers evaluate answers under a name of their own, and that name; others ask `sympy.parse_expr`."""


class NotReadError(ValueError):
    """A text is not read as an expression."""


def check_expression(text: str) -> None:
    """Check that a text is nothing but numbers, operators, brackets, single letters and functions by name.

    Raises:
        NotReadError: It is not.
    """
    if len(text) > MOST_CHARACTERS:
        raise NotReadError("too long")
    position, before = 0, ""
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None or (token["name"] and len(token["name"]) > 1 and token["name"] not in NAMES):
            raise NotReadError(f"not an expression at character {position}")
        kind = token.lastgroup or ""
        if kind and before:  # `1.real`: nothing but a sign, a bracket or a space stands between two of these
            raise NotReadError(f"no operator at character {position}")
        position, before = token.end(), kind


def make_safe() -> None:
    """Let every scorer of the library read answers by `ast.literal_eval` and `check_expression`, in this process."""
    from importlib import import_module

    import sympy

    parse = sympy.parse_expr

    def safe_parse(text: str, *arguments: Any, **options: Any) -> Any:
        check_expression(text)
        return parse(text, *arguments, **options)

    sympy.parse_expr = safe_parse
    for module, name in EVALUATES.items():
        setattr(import_module(f"reasoning_gym.{module}"), name, ast.literal_eval if name == "eval" else safe_parse)
