import pytest

from synth.answers.format import FORMATS, obeys_format
from synth.answers.outcome import Outcome
from synth.problems import get_task
from synth.problems.base import Problem
from synth.problems.code.unit_tests import read_tests
from synth.problems.tasks.code import program_of

TESTS = [test.to_json() for test in read_tests(["assert add(2, 3) == 5", "assert add(1, b=-1) == 0"], "add")]
PROBLEM = Problem("code", "test", "Add.", "passes 2 tests", "add", attrs={"entry_point": "add", "tests": TESTS})
RIGHT = "def add(a, b):\n    return a + b\n"


def fenced(*programs):
    return "So:\n\n" + "\n\n".join(f"```python\n{program}\n```" for program in programs)


@pytest.mark.parametrize(
    ("response", "program", "unfinished"),
    [
        (fenced(RIGHT), RIGHT, False),
        (fenced("def add(a, b): ...", RIGHT, "print(add(1, 2))"), RIGHT, False),
        (f"<think>{fenced('x = 1')}</think>{fenced(RIGHT)}", RIGHT, False),
        (f"```\n{RIGHT}```", RIGHT, False),
        (RIGHT, RIGHT, False),
        ("add = lambda a, b: a + b", "add = lambda a, b: a + b", False),
        ("I cannot.", None, False),
        (f"{fenced(RIGHT)}\n```python\ndef add", None, True),
        ("<think>" + fenced(RIGHT), None, False),
    ],
)
def test_the_program_of_a_response(response, program, unfinished):
    found, broken = program_of(response, "add")
    assert broken is unfinished
    assert found is None if program is None else found.strip() == program.strip()


@pytest.mark.parametrize(
    ("response", "outcome", "reason"),
    [
        (fenced(RIGHT), Outcome.CORRECT, None),
        (fenced(RIGHT.replace("+", "-")), Outcome.WRONG, "failed_test"),
        (fenced("def add(a, b"), Outcome.WRONG, "failed_test"),
        ("no program", Outcome.WRONG, "no_answer"),
        ("```python\ndef add", Outcome.UNVERIFIABLE, "unfinished_answer"),
    ],
)
def test_outcomes(response, outcome, reason):
    check = get_task("code").check(PROBLEM, response)
    assert (check.outcome, check.reason) == (outcome, reason)


def test_its_form():
    assert get_task("code").answer_format in FORMATS
    assert obeys_format(fenced(RIGHT), "code") and not obeys_format("#### 5", "code")
