"""Programming problems from a file of JSON lines or Parquet."""

from collections.abc import Sequence
from typing import Any, Literal

from storage.errors import ProblemError
from synth.answers.outcome import Outcome
from synth.problems.base import Problem
from synth.problems.code.calling import run_tests
from synth.problems.code.unit_tests import UnitTest, UnreadTestError, read_tests
from synth.problems.files import Dropped
from synth.problems.mapping import render
from synth.problems.rows import Rows
from synth.sandbox import check_sandbox


class CodeSource:
    """Problems in the rows' own order.

    Args:
        rows: The rows.
        name: Name of the source.
        fields: Names of the fields `prompt`, `tests`, `entry_point` and `solution`.
        license: SPDX identifier or `unknown`.
        bad_gold: `skip` a row whose own solution does not pass its tests, or whose tests are not read, or `stop` there.

    Attributes:
        dropped: Rows that the last draw left out.

    Raises:
        SandboxError: There is no working sandbox here.
    """

    def __init__(
        self, rows: Rows, name: str, fields: dict[str, str], license: str, bad_gold: Literal["skip", "stop"] = "skip"
    ) -> None:
        check_sandbox()
        self.name = name
        self.dropped: list[Dropped] = []
        self._rows = rows
        self._fields = fields
        self._license = license
        self._stops = bad_gold == "stop"

    def draw(
        self, limit: int, *, seed: int, tier: int | None = None, exclude: frozenset[str] = frozenset()
    ) -> Sequence[Problem]:
        """Draw the first `limit` problems that are not excluded; `seed` is not used, every row is of tier 1.

        Raises:
            ProblemError: The rows are missing, broken or empty; or a row cannot be used, and that is to stop.
        """
        self.dropped = []
        if tier not in (None, 1) or limit < 1:
            return []
        drawn: list[Problem] = []
        seen: dict[str, int] = {}
        number = 0
        for number, row in self._rows:
            location = f"{self._rows.label}, {self._rows.unit} {number}"
            if not isinstance(row, dict):
                raise ProblemError(
                    f"{location}: not a JSON object but {type(row).__name__}; write one object per line."
                )
            problem, tests = self._problem(row, location, number)
            if problem is None:
                continue
            if problem.structure in seen:
                self.dropped.append(Dropped(number, "duplicate", seen[problem.structure], "", problem.prompt))
                continue
            seen[problem.structure] = number
            if problem.structure_id not in exclude and self._solved(problem, tests, location, number):
                drawn.append(problem)
            if len(drawn) >= limit:
                break
        if not number:
            raise ProblemError(f"{self._rows.label}: there are no rows in it; name a data set that holds problems.")
        return drawn

    def _problem(self, row: dict[str, Any], location: str, number: int) -> tuple[Problem | None, tuple[UnitTest, ...]]:
        fields = self._fields
        prompt, entry_point = (render(fields[part], row, location, part) for part in ("prompt", "entry_point"))
        if not entry_point.isidentifier():
            raise ProblemError(
                f"{location}: field {fields['entry_point']!r} is {entry_point!r}, not the name of a function."
            )
        try:
            tests = read_tests(row.get(fields["tests"]), entry_point)
        except UnreadTestError as error:
            self._drop(number, f"{location}: {error}", prompt)
            return None, ()
        if entry_point not in prompt:
            prompt += f"\n\nCall the function {entry_point}."
        solution = render(fields["solution"], row, location, "solution") if row.get(fields["solution"]) else None
        return Problem(
            task="code",
            source=self.name,
            prompt=prompt,
            gold=solution or f"passes {len(tests)} tests",
            structure=" ".join(prompt.split()),
            solution=solution,
            license=self._license,
            attrs={"entry_point": entry_point, "tests": [test.to_json() for test in tests]},
        ), tests

    def _solved(self, problem: Problem, tests: tuple[UnitTest, ...], location: str, number: int) -> bool:
        if problem.solution is None:
            return True
        if run_tests(problem.solution, problem.attrs["entry_point"], tests) is Outcome.CORRECT:
            return True
        self._drop(
            number, f"{location}: its own solution does not pass its tests; correct one of them.", problem.prompt
        )
        return False

    def _drop(self, number: int, sentence: str, prompt: str) -> None:
        if self._stops:
            raise ProblemError(sentence)
        self.dropped.append(Dropped(number, "bad_gold", detail=sentence, question=prompt))
