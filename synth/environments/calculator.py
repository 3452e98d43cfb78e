"""A problem with a calculator at hand: a line `calculate: 12 * 7` is answered with its exact value.

Arithmetic tools in plain text go back to the calculator marks of GSM8K (arXiv:2110.14168, section 4.1); here the tool is a turn of
its own, so that its output is never a token that the model learns to write.
"""

import re
from collections.abc import Mapping
from fractions import Fraction

from synth.environments.base import Environment, State, Turn, keep, reward_of
from synth.problems.base import Problem
from synth.problems.expression_parser import parse_whole

_CALL = re.compile(r"^[ \t]*calculate:[ \t]*(?P<expression>\S.*?)[ \t]*$", re.IGNORECASE | re.MULTILINE)
MOST_CALLS = 8
"""Lines answered in one turn; our choice. Further ones are left out with a sentence."""
MOST_CHARACTERS = 200
"""Of one expression; our choice."""


class Calculator(Environment):
    """Answers calculations until a reply asks for none; that reply holds the final answer."""

    name = "calculator"
    rules = (
        "You may use a calculator: write a line `calculate: ` with an expression of numbers, + - * / and brackets, and stop. "
        "You are told its value. When you need no more of them, give the final answer."
    )

    def start(self, problem: Problem, seed: int) -> State:
        """Begin; nothing is random here."""
        return {"problem": keep(problem), "calculations": 0}

    def step(self, state: State, message: Mapping[str, str]) -> Turn:
        """Calculate what the reply asks for, or judge its final answer."""
        content = message.get("content") or ""
        expressions = [match["expression"] for match in _CALL.finditer(content)]
        if not expressions:
            return Turn(state, reward=reward_of(state, content), done=True)
        lines = [f"{expression} = {_value(expression)}" for expression in expressions[:MOST_CALLS]]
        if len(expressions) > MOST_CALLS:
            lines.append(f"only {MOST_CALLS} calculations at once; ask for the others again")
        after = {**state, "calculations": state["calculations"] + len(expressions)}
        return Turn(after, ({"role": "user", "content": "\n".join(lines)},))


def _value(text: str) -> str:
    """Return the value of an expression as text: whole, decimal where that is exact and short, else a fraction."""
    parsed = parse_whole(text) if len(text) <= MOST_CHARACTERS else None
    if parsed is None:
        return "not an expression of numbers, + - * / and brackets"
    value = Fraction(parsed.value)
    if value.denominator == 1:
        return str(value.numerator)
    if 10**6 % value.denominator == 0:
        return f"{float(value):.6f}".rstrip("0")
    return f"{value.numerator}/{value.denominator}"


CALCULATOR = Calculator()
