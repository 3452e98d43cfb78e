"""A Python interpreter in the sandbox: a program is answered with what it prints.

Programs as a tool in mathematics: PAL (arXiv:2211.10435), ToRA (arXiv:2309.17452). Each program begins anew.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from synth.sandbox import Limits, run_python
from synth.tools.base import Tool

MOST_OUTPUT = 2_000
"""Characters of a program's output that are told."""
LIMITS = Limits(cpu_s=5, wall_s=30.0, output_bytes=20_000)
_ENDS = {
    "cpu": "out of processor time",
    "wall": "out of time",
    "output": "too much output",
    "killed": "killed, perhaps out of memory",
}


class Python(Tool):
    """Runs a program in the sandbox."""

    name = "python"
    version = "2"
    description = (
        "Runs a Python program and returns what it prints. Each program begins anew, without network and files."
    )
    parameters: ClassVar = {
        "type": "object",
        "properties": {"code": {"type": "string", "description": "The whole program; what it prints is returned."}},
        "required": ["code"],
    }

    def run(self, arguments: Mapping[str, Any]) -> str:
        """Return what a program prints, or why there is nothing; what it raises is told as well.

        Raises:
            SandboxError: There is no working sandbox here.
        """
        program = str(arguments["code"]).encode("utf-8", "replace").decode()
        run = run_python(_WRAPPER.format(program=program), limits=LIMITS)
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
