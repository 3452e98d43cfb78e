"""A problem with a calculator at hand; in plain text, a line `calculate: 12 * 7` is answered with its exact value.

Arithmetic tools go back to the calculator marks of GSM8K (arXiv:2110.14168, section 4.1); here what the tool says is a turn of its
own, so that its output is never a token that the model learns to write.
"""

import json
import re
from collections.abc import Sequence

from synth.environments.tool_use import ToolUse
from synth.tools import get_tool
from synth.tools.calls import ToolCall

_CALL = re.compile(r"^[ \t]*calculate:[ \t]*(?P<expression>\S.*?)[ \t]*$", re.IGNORECASE | re.MULTILINE)


class Calculator(ToolUse):
    """Answers calculations until a reply asks for none; that reply holds the final answer."""

    name = "calculator"
    tools = (get_tool("calculator"),)
    rules = (
        "You may use a calculator: write a line `calculate: ` with an expression of numbers, + - * / and brackets, and stop. "
        "You are told its value. When you need no more of them, give the final answer."
    )

    def in_text(self, content: str) -> tuple[ToolCall, ...]:
        """Return the calculations that a reply asks for, a line each."""
        expressions = [match["expression"] for match in _CALL.finditer(content)]
        return tuple(ToolCall("calculator", json.dumps({"expression": text})) for text in expressions)

    def told_in_text(self, calls: Sequence[ToolCall], results: Sequence[str]) -> str:
        """Return each expression with its value."""
        pairs = zip(calls, results, strict=True)
        return "\n".join(f"{json.loads(call.arguments)['expression']} = {result}" for call, result in pairs)


CALCULATOR = Calculator()
