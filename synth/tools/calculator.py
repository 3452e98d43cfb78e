"""A calculator: exact values of expressions.

Arithmetic tools in plain text go back to the calculator marks of GSM8K (arXiv:2110.14168, section 4.1).
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, ClassVar

from synth.problems.expression_parser import parse_whole
from synth.tools.base import Tool

MOST_CHARACTERS = 200
"""Of one expression; our choice."""


class Calculator(Tool):
    """Calculates an expression of numbers."""

    name = "calculator"
    version = "2"
    description = "Calculates the exact value of an expression of numbers with + - * / and brackets."
    parameters: ClassVar = {
        "type": "object",
        "properties": {"expression": {"type": "string", "description": "The expression, for example (12 + 3) * 4"}},
        "required": ["expression"],
    }

    def run(self, arguments: Mapping[str, Any]) -> str:
        """Return the value as text: whole, decimal where that is exact and short, else a fraction."""
        text = str(arguments["expression"])
        power = "**" in text  # which elsewhere is a mark of bold text, and left out
        parsed = parse_whole(text) if len(text) <= MOST_CHARACTERS and not power else None
        if parsed is None:
            return "not an expression of numbers, + - * / and brackets"
        value = Fraction(parsed.value)
        if value.denominator == 1:
            return str(value.numerator)
        if 10**6 % value.denominator == 0:
            return f"{float(value):.6f}".rstrip("0")
        return f"{value.numerator}/{value.denominator}"


CALCULATOR = Calculator()
