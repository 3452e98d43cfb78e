"""A problem with a Python interpreter at hand: a fenced block is run in the sandbox, and answered with what it prints.

Programs as a tool in mathematics: PAL (arXiv:2211.10435), ToRA (arXiv:2309.17452); outputs are turns that are not learned.
Each block is a program of its own; nothing is kept between turns.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from synth.environments.base import Environment, State, Turn, keep, reward_of
from synth.problems.base import Problem
from synth.sandbox import Limits, check_sandbox, run_python

_BLOCK = re.compile(r"^```python[ \t]*\n(?P<program>.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
MOST_OUTPUT = 2_000
"""Characters of a program's output that a turn shows."""
LIMITS = Limits(cpu_s=5, wall_s=30.0, output_bytes=20_000)
_ENDS = {
    "cpu": "out of processor time",
    "wall": "out of time",
    "output": "too much output",
    "killed": "killed, perhaps out of memory",
}


class Python(Environment):
    """Runs the last block of a reply until a reply has none; that reply holds the final answer."""

    name = "python"
    tasks = frozenset({"arithmetic", "knights_knaves", "math_word", "reasoning_gym"})
    rules = (
        "You may use Python: write a program in a block that begins with a line ```python and ends with a line ```, and stop. "
        "You are told what it prints. Each program begins anew, without the network and without files. When you need no more of "
        "them, give the final answer without a block."
    )

    def start(self, problem: Problem, seed: int) -> State:
        """Begin; nothing is random here.

        Raises:
            SandboxError: There is no working sandbox here.
        """
        check_sandbox()
        return {"problem": keep(problem), "programs": 0}

    def step(self, state: State, message: Mapping[str, str]) -> Turn:
        """Run the program of the reply, or judge its final answer."""
        content = message.get("content") or ""
        blocks = _BLOCK.findall(content)
        if not blocks:
            return Turn(state, reward=reward_of(state, content), done=True)
        after = {**state, "programs": state["programs"] + 1}
        return Turn(after, ({"role": "user", "content": _output(blocks[-1])},))


@lru_cache(maxsize=10_000)
def _output(program: str) -> str:
    """What a program prints, or why there is nothing; what it raises is told as well."""
    run = run_python(_WRAPPER.format(program=program.encode("utf-8", "replace").decode()), limits=LIMITS)
    text = run.stdout.decode("utf-8", "replace").strip()[:MOST_OUTPUT]
    end = _ENDS.get(run.status)
    return "\n".join(part for part in (text, f"[{end}]" if end else "") if part) or "[no output; use print]"


_WRAPPER = """\
import sys
_program = {program!r}
try:
    exec(compile(_program, "program.py", "exec"), {{"__name__": "__main__"}})
except BaseException as _error:
    sys.stdout.flush()
    print(f"{{type(_error).__name__}}: {{_error}}"[:500])
"""
PYTHON = Python()
