"""The task `code`: a function in Python, decided by calling it in the sandbox (`synth.problems.code`)."""

import re

from synth.answers.judge import NO_ANSWER, UNFINISHED_ANSWER
from synth.answers.outcome import Check, Outcome
from synth.answers.parsing.typography import MAX_ANSWER
from synth.answers.responses.thoughts import without_thoughts
from synth.problems.base import Problem, Review
from synth.problems.code.calling import FAILED_TEST, OUT_OF_TIME, VERSION, run_tests
from synth.problems.code.unit_tests import UnitTest

_FENCE = re.compile(
    r"^[ \t]*```[ \t]*(?:python3?|py)?[ \t]*\n(?P<code>.*?)^[ \t]*```[ \t]*$", re.MULTILINE | re.DOTALL | re.I
)
_OPENED = re.compile(r"^[ \t]*```", re.MULTILINE)
MOST_CHARACTERS = 100_000
"""Of a program; a longer one is wrong."""


class CodeTask:
    """Checks programs; its answer is the last fenced block of a response that defines the function."""

    name = "code"
    abilities = ("steps", "solve")
    answer_format = "code"
    version = f"code{VERSION}"

    def check(self, problem: Problem, response: str) -> Check:
        """Call the function of the response with the problem's tests.

        Raises:
            SandboxError: There is no working sandbox here.
        """
        code, unfinished = program_of(response, problem.attrs["entry_point"])
        if code is None or len(code) > MOST_CHARACTERS:
            if unfinished:
                return Check(Outcome.UNVERIFIABLE, None, UNFINISHED_ANSWER)
            return Check(Outcome.WRONG, None, NO_ANSWER)
        tests = [UnitTest.from_json(row) for row in problem.attrs["tests"]]
        outcome = run_tests(code, problem.attrs["entry_point"], tests)
        reasons = {Outcome.CORRECT: None, Outcome.WRONG: FAILED_TEST, Outcome.UNVERIFIABLE: OUT_OF_TIME}
        return Check(outcome, code[:MAX_ANSWER], reasons[outcome], code[:MAX_ANSWER])

    def steps(self, response: str) -> list[str]:
        """Cut a response into the paragraphs before its program."""
        before = response.partition("```")[0]
        return [part.strip() for part in before.split("\n\n") if part.strip()]

    def solve(self, problem: Problem) -> str | None:
        """Return the data set's own solution in a fenced block; None if it has none."""
        return None if problem.solution is None else f"```python\n{problem.solution.strip()}\n```"

    def review(self, problem: Problem, attempt: str) -> Review | None:
        """Return None: a program has no steps that a rule could check."""
        return None


def program_of(response: str, entry_point: str) -> tuple[str | None, bool]:
    """Return the program of a response, None where it has none, and whether it breaks off in a block."""
    text, thinking = without_thoughts(response)
    if thinking:
        return None, False
    defines = re.compile(
        rf"^[ \t]*(?:async[ \t]+)?(?:def[ \t]+{re.escape(entry_point)}\b|{re.escape(entry_point)}[ \t]*=)", re.M
    )
    blocks = list(_FENCE.finditer(text))
    if _OPENED.search(text, blocks[-1].end() if blocks else 0):
        return None, True
    codes = [block["code"] for block in blocks]
    fitting = [code for code in codes if defines.search(code)]
    if codes:
        return (fitting or codes)[-1], False
    return (text, False) if defines.search(text) else (None, False)
