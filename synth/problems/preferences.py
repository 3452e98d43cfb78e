"""Questions with a better and a worse answer, as people said: files of preferences, a JSON object, or a row, each."""

from collections.abc import Iterator, Sequence
from typing import Any

from storage.errors import ProblemError
from synth.problems.base import Problem
from synth.problems.drawing import ReadProblem, in_order
from synth.problems.files import Dropped
from synth.problems.mapping import clean
from synth.problems.rows import Rows
from synth.problems.wording import canonical_question


class Preferences:
    """Open questions whose `attrs` have the answers `chosen` and `rejected`, in the order of the file.

    Args:
        rows: The rows.
        name: Name in rows.
        fields: Names of the fields of the question and of the better and the worse answer: texts, or chats whose last turn counts.
        license: Licence of the file.

    Attributes:
        dropped: Rows that the last draw left out: without a question or an answer, with two equal answers, or asked before.
    """

    def __init__(self, rows: Rows, name: str, *, fields: tuple[str, str, str], license: str) -> None:
        self.name = name
        self.dropped: list[Dropped] = []
        self._rows, self._fields, self._license = rows, fields, license

    def draw(
        self, limit: int, *, seed: int, tier: int | None = None, exclude: frozenset[str] = frozenset()
    ) -> Sequence[Problem]:
        """Draw the first `limit` questions that are not excluded; `seed` is not used, every question is of tier 1.

        Raises:
            ProblemError: The file is missing or empty, or a field is missing or no text.
        """
        self.dropped = []
        if tier not in (None, 1):
            return []
        empty = f"{self._rows.label}: there are no rows in it; write a question and two answers a row."
        return in_order(self._read(), limit, exclude, self.dropped, empty)

    def _read(self) -> Iterator[ReadProblem]:
        for number, row in self._rows:
            question, chosen, rejected = (self._text(row, field, number) for field in self._fields)
            problem = Problem(
                task="open_question",
                source=self.name,
                prompt=question,
                gold="",
                structure=canonical_question(question),
                license=self._license,
                attrs={"chosen": chosen, "rejected": rejected},
            )
            prefers = problem.structure and chosen and rejected and chosen != rejected
            yield ReadProblem(number, problem, None if prefers else "no_preference")

    def _text(self, row: Any, field: str, number: int) -> str:
        location = f"{self._rows.label}, {self._rows.unit} {number}"
        if not isinstance(row, dict) or field not in row:
            there = ", ".join(map(str, list(row)[:12])) if isinstance(row, dict) else type(row).__name__
            raise ProblemError(f"{location}: there is no field {field!r}, only {there or 'none'}; correct the option.")
        value = row[field]
        if isinstance(value, list) and value and isinstance(value[-1], dict):
            value = value[-1].get("content")
        if not isinstance(value, str):
            raise ProblemError(f"{location}: field {field!r} is {type(value).__name__}; write a text, or a chat.")
        return clean(value).strip()
