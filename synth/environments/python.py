"""A problem with a Python interpreter at hand; in plain text, a fenced block is run and answered with what it prints.

Programs as a tool in mathematics: PAL (arXiv:2211.10435), ToRA (arXiv:2309.17452); outputs are turns that are not learned.
Each program begins anew; nothing is kept between turns.
"""

import json
import re

from synth.environments.base import State
from synth.environments.tool_use import ToolUse
from synth.problems.base import Problem
from synth.sandbox import check_sandbox
from synth.tools import get_tool
from synth.tools.calls import ToolCall

_BLOCK = re.compile(r"^```python[ \t]*\n(?P<program>.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)


class Python(ToolUse):
    """Runs the programs of a reply until a reply has none; that reply holds the final answer."""

    name = "python"
    tasks = frozenset({"arithmetic", "knights_knaves", "math_word", "reasoning_gym"})
    tools = (get_tool("python"),)
    rules = (
        "You may use Python: write a program in a block that begins with a line ```python and ends with a line ```, and stop. "
        "You are told what it prints. Each program begins anew, without the network and without files. When you need no more of "
        "them, give the final answer without a block."
    )

    def check(self) -> None:
        """Check that there is a working sandbox.

        Raises:
            SandboxError: There is none.
        """
        check_sandbox()

    def start(self, problem: Problem, seed: int) -> State:
        """Begin; nothing is random here.

        Raises:
            SandboxError: There is no working sandbox here.
        """
        check_sandbox()
        return super().start(problem, seed)

    def in_text(self, content: str) -> tuple[ToolCall, ...]:
        """Return the last block of a reply."""
        blocks = _BLOCK.findall(content)
        return (ToolCall("python", json.dumps({"code": blocks[-1]})),) if blocks else ()


PYTHON = Python()
