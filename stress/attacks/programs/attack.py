"""Hands the judge a hostile program as the answer to a programming problem whose expected value nobody can know."""

import os
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from synth.answers.outcome import Outcome
from synth.problems import get_task
from synth.problems.base import Problem
from synth.problems.code.unit_tests import UnitTest
from synth.sandbox import Limits, run_python

LIMITS = Limits(cpu_s=2, wall_s=8.0)
SLACK_S = 60.0
"""For a machine with other work: what ends by a limit ends at it, but is seen later."""


def attack(entry: Mapping[str, Any], folder: Path) -> str | None:
    """Judge the program, and run it once more to see what it shows; return what happened that must not."""
    secret = folder / "secret"
    secret.write_text("hunter2-of-the-machine")
    os.environ["SOME_KEY"] = "hunter2-of-the-environment"
    program = str(entry["program"]).replace("<secret>", str(secret)).replace("<canary>", str(folder / "canary"))
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    began = time.monotonic()
    outcome = _judged(program)
    if outcome is Outcome.CORRECT:
        return "the judge called it correct"
    run = run_python(f"{program}\ntry:\n    print(f(1))\nexcept NameError:\n    pass\n", limits=LIMITS)
    if time.monotonic() - began > 2 * LIMITS.wall_s + SLACK_S:
        return f"it took {time.monotonic() - began:.0f} s"
    if b"hunter2" in run.stdout:
        return "a secret was shown"
    if b"REACHED" in run.stdout:
        return f"it did what it must not: {run.stdout[:200]!r}"
    left = {child.pid for child in psutil.Process().children(recursive=True)} - before
    if left:
        return f"{len(left)} processes are left"
    return "it reached a file that it must not" if {path.name for path in folder.iterdir()} != {"secret"} else None


def _judged(program: str) -> Outcome:
    tests = [UnitTest((1,), {}, f"right-{secrets.token_hex(8)}"), UnitTest((2,), {}, f"right-{secrets.token_hex(8)}")]
    problem = Problem(
        "code", "attack", "What is f?", "", "f", attrs={"entry_point": "f", "tests": [test.to_json() for test in tests]}
    )
    fence = "```"
    return get_task("code").check(problem, f"{fence}python\n{program}\n{fence}").outcome
