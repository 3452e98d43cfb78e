"""Call a solution in the sandbox, and compare what it returns here: the expected values never enter the sandbox.

So a program cannot win by what it does to the process that it runs in: it may leave, print, change assertions or builtins, or
forge every byte of the result, and is right only where the values are.
"""

import json
import marshal
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from synth.answers.outcome import Outcome
from synth.problems.code.unit_tests import UnitTest
from synth.sandbox import Limits, Run, run_python
from synth.sandbox import values as values_module
from synth.sandbox.values import from_plain

VERSION = "2"
OUT_OF_TIME = "out_of_time"
FAILED_TEST = "failed_test"
_CALLER = """
def _main():
    import marshal, os, sys
    from _json import encode_basestring_ascii, make_encoder
    given = marshal.loads(sys.stdin.buffer.read())
    results = os.dup(1)
    os.dup2(os.open("/dev/null", os.O_WRONLY), 1)
    write, encode = os.write, make_encoder(None, None, encode_basestring_ascii, None, ":", ",", False, False, True)
    space = {"__name__": "solution", "__builtins__": __builtins__}
    exec(compile(given["source"], "solution.py", "exec"), space)
    function, returned = space[given["entry_point"]], []
    for args, kwargs in given["calls"]:
        try:
            returned.append({"value": to_plain(function(*from_plain(args), **from_plain(kwargs)))})
        except Exception as error:
            returned.append({"error": type(error).__name__})
    data = "".join(encode(returned, 0)).encode()
    while data:
        data = data[write(results, data):]
_main()
"""
"""Without `json`, whose import takes longer than all else: `marshal` reads what is ours, `_json` is the C half of the encoder."""


def run_tests(source: str, entry_point: str, tests: Sequence[UnitTest], limits: Limits | None = None) -> Outcome:
    """Decide whether a solution passes its tests: `correct`, `wrong`, or `unverifiable` where it waits out the wall time.

    Args:
        source: The program, as a model wrote it.
        entry_point: The function that is called.
        tests: The calls; all of one program are made in one process.
        limits: What it may use.

    Raises:
        SandboxError: There is no working sandbox here.
    """
    return _decided(source, entry_point, json.dumps([test.to_json() for test in tests]), limits)


@lru_cache(maxsize=10_000)
def _decided(source: str, entry_point: str, tests_json: str, limits: Limits | None) -> Outcome:
    rows = json.loads(tests_json)
    calls = [[row["args"], row["kwargs"]] for row in rows]
    text = source.encode("utf-8", "replace").decode()
    given = marshal.dumps({"source": text, "entry_point": entry_point, "calls": calls})
    allowed = limits or Limits(output_bytes=200_000 + 20 * len(tests_json))
    run = run_python(_caller(), given, allowed)
    if run.status == "wall":
        return Outcome.UNVERIFIABLE
    returned = _returned(run)
    if returned is None or len(returned) != len(rows):
        return Outcome.WRONG
    tests = [UnitTest.from_json(row) for row in rows]
    return Outcome.CORRECT if all(map(_passed, tests, returned)) else Outcome.WRONG


@cache
def _caller() -> str:
    text = Path(str(values_module.__file__)).read_text(encoding="utf-8")
    return (
        text.replace("from typing import Any\n", "Any = object\n") + _CALLER
    )  # typing takes longer to import than a call runs


def _returned(run: Run) -> list[Any] | None:
    """What the calls returned, as the sandbox says; None where it says nothing that can be read."""
    if run.status != "done" or not run.stdout:
        return None
    try:
        returned = json.loads(run.stdout)
    except (ValueError, RecursionError):
        return None
    return returned if isinstance(returned, list) else None


def _passed(test: UnitTest, returned: Any) -> bool:
    if not isinstance(returned, dict) or "value" not in returned:
        return False
    try:
        return test.passes(from_plain(returned["value"]))
    except (ValueError, TypeError, KeyError, ArithmeticError, RecursionError):
        return False
