"""Problems from files and Hugging Face data sets, by a declared mapping of their fields.

Everything is checked at the door: what is missing or broken stops the draw with a sentence that names file, line and field.
Repeated questions are left out and listed in `dropped`, and so are gold answers that do not verify against themselves or that
do not agree with their own solution; `bad_gold="stop"` stops at these instead. Numbers keep the value that the file writes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from storage.errors import ProblemError
from synth.problems.base import Problem
from synth.problems.gold import BadGoldError, check_gold, check_solution, plain_gold
from synth.problems.mapping import MAPPINGS, Mapping, has_text, render
from synth.problems.rows import FileRows, Rows
from synth.problems.wording import canonical_question

_ANSWER_TAIL = re.compile(r"\n*[ \t]*####[^\n]*\s*$")


@dataclass(frozen=True, slots=True)
class Dropped:
    """A row that was left out.

    Attributes:
        line: Where it stands.
        reason: `duplicate`, `conflicting_answer`, `bad_gold`, `contradicts_solution` or `unreached_by_solution`.
        kept: Where the row stands that was kept instead; 0 for none.
        detail: What is wrong with it, in a sentence; empty for a repetition.
        question: What it asks.
        gold: Its gold answer; empty where none can be used.
        kept_gold: That of the row that was kept.
    """

    line: int
    reason: str
    kept: int = 0
    detail: str = ""
    question: str = ""
    gold: str = ""
    kept_gold: str = ""


class MappedSource:
    """Problems of the task `math_word` from rows and a mapping, in the rows' own order.

    Attributes:
        dropped: Rows that the last draw left out because their question was there before (`duplicate`, or
            `conflicting_answer` where the gold answers differ) or their gold answer cannot be used. Rows behind the last
            problem drawn are not read.
    """

    def __init__(self, rows: Rows, mapping: Mapping, name: str, *, bad_gold: Literal["skip", "stop"] = "skip") -> None:
        self.name = name
        self._stops = bad_gold == "stop"
        self.dropped: list[Dropped] = []
        self._rows = rows
        self._mapping = mapping
        self._solutions = 0

    def draw(
        self, limit: int, *, seed: int, tier: int | None = None, exclude: frozenset[str] = frozenset()
    ) -> Sequence[Problem]:
        """Draw the first `limit` problems that are not excluded; `seed` is not used, every row is of tier 1.

        Raises:
            ProblemError: The rows are missing, broken or empty; or a gold answer cannot be used, and that is to stop.
        """
        self.dropped, self._solutions = [], 0
        if tier not in (None, 1):
            return []
        drawn: list[Problem] = []
        seen: dict[str, tuple[int, str]] = {}
        number = 0
        for number, row in self._rows:
            try:
                problem = self._problem(number, row)
            except BadGoldError as error:
                if self._stops:
                    raise ProblemError(str(error)) from None
                question = render(self._mapping.question, row, self._location(number), "question")
                self.dropped.append(Dropped(number, error.reason, detail=str(error), question=question))
                continue
            if problem.structure in seen:
                kept, gold = seen[problem.structure]
                reason = "duplicate" if gold == problem.gold else "conflicting_answer"
                self.dropped.append(Dropped(number, reason, kept, "", problem.prompt, problem.gold, gold))
                continue
            seen[problem.structure] = (number, problem.gold)
            if problem.structure_id not in exclude:
                drawn.append(problem)
            if len(drawn) >= limit:
                break
        if drawn and self._mapping.solution is not None and not self._solutions:
            raise ProblemError(
                f"{self._rows.label}: no row that was read has text in {self._mapping.solution!r} for the solution; "
                "correct the mapping, or leave `solution` out."
            )
        if not number:
            raise ProblemError(f"{self._rows.label}: there are no rows in it; name a data set that holds problems.")
        return drawn[:limit]

    def _problem(self, number: int, row: object) -> Problem:
        location = self._location(number)
        if not isinstance(row, dict):
            raise ProblemError(f"{location}: not a JSON object but {type(row).__name__}; write one object per line.")
        mapping = self._mapping
        question = render(mapping.question, row, location, "question")
        structure = canonical_question(question)
        if not structure:
            raise ProblemError(
                f"{location}: the question (field {mapping.question!r}) is empty; fill it or remove the row."
            )
        gold = self._gold(row, location)
        solution = None
        if mapping.solution is not None and has_text(mapping.solution, row):
            self._solutions += 1
            written = render(mapping.solution, row, location, "solution")
            check_solution(gold, written, location)
            solution = _ANSWER_TAIL.sub("", written).strip() or None
        return Problem(
            task="math_word",
            source=self.name,
            prompt=question,
            gold=gold,
            structure=structure,
            solution=solution,
            license=mapping.license,
        )

    def _location(self, number: int) -> str:
        return f"{self._rows.label}, {self._rows.unit} {number}"

    def _gold(self, row: dict[str, Any], location: str) -> str:
        mapping = self._mapping
        if mapping.answer is None:
            return ""
        text = render(mapping.answer, row, location, "answer")
        if mapping.answer_pattern is not None:
            matches = re.findall(mapping.answer_pattern, text)
            if not matches:
                raise BadGoldError(
                    "bad_gold",
                    f"{location}: no answer stands in field {mapping.answer!r} by the pattern {mapping.answer_pattern!r}; "
                    "correct `answer_pattern` or the row.",
                )
            text = matches[-1].strip()
        gold = plain_gold(text)
        check_gold(gold, location, mapping.answer)
        return gold


def file_source(
    path: Path, mapping: Mapping | str, name: str | None = None, *, bad_gold: Literal["skip", "stop"] = "skip"
) -> MappedSource:
    """A source over a local file, by a mapping or the name of a built-in one."""
    chosen = MAPPINGS[mapping] if isinstance(mapping, str) else mapping
    return MappedSource(FileRows(path), chosen, name or path.stem, bad_gold=bad_gold)
