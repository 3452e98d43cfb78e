"""Verdicts come from outside of a program's reach. All attacks: `make attacks`; here those that end at once."""

import pytest

from stress.attacks.programs.attack import attack
from stress.attacks.runner import entries
from synth.answers.outcome import Outcome
from synth.problems.code.calling import run_tests
from synth.problems.code.unit_tests import UnitTest
from synth.sandbox import Limits

QUICK = [
    "leaving with success", "leaving inside the call", "a marker of success", "equal to everything", "changed builtins",
    "changed json", "forged bytes on every descriptor", "looking for the values in the frames", "a changed to_plain",
    "a mark of the codec as a value", "a list that holds itself", "a fork bomb", "a million threads", "raised limits",
    "a file of the host", "a link out", "the environment of the parent", "tracing the parent", "the network", "a command",
    "raw system calls of another table", "files in every folder", "a written input", "values that cannot be put together",
    "calls of newer kernels", "calls of another machine", "a second interpreter", "a fraction without end",
    "other values without end",
]  # fmt: skip
ATTACKS = {entry["name"]: entry for entry in entries("programs")}


@pytest.mark.parametrize("name", QUICK)
def test_no_hostile_program_is_called_correct(name, tmp_path):
    assert attack(ATTACKS[name], tmp_path) is None


def test_an_attack_that_works_would_be_seen(tmp_path):
    assert "REACHED" in attack({"program": "print('REACHED')"}, tmp_path)
    assert attack({"program": "def f(n):\n    return 'hunter2'"}, tmp_path) == "a secret was shown"


def test_a_program_that_waits_is_undecided_and_one_that_fails_is_wrong():
    test = UnitTest((1,), {}, 1)
    assert (
        run_tests("import time\ndef f(n):\n    time.sleep(99)", "f", [test], Limits(wall_s=1.0)) is Outcome.UNVERIFIABLE
    )
    assert run_tests("def f(n):\n    raise ValueError", "f", [test]) is Outcome.WRONG
    assert run_tests("def f(n):\n    return n", "f", [test, UnitTest((10**400,), {}, 10**400)]) is Outcome.CORRECT
