"""Rows of answers to be judged, with or without people's labels, and how often the judge agrees with these.

A row has `gold` and either `response` (a text) or `pred` (a bare answer); it may have `task`, `options`, `attrs`, and a label:
`right` (the letters that are right, of C correct, W wrong, U undecided) or `equal` (whether gold and answer are the same).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from storage.errors import ProblemError, RecipeError
from synth.answers.outcome import Check, Outcome

_LETTER = {Outcome.CORRECT: "C", Outcome.WRONG: "W", Outcome.UNVERIFIABLE: "U"}
_KINDS = {"C": "false_correct", "W": "false_wrong", "U": "needlessly_undecided"}


@dataclass(frozen=True, slots=True)
class Row:
    """One answer to be judged.

    Attributes:
        gold: The gold answer.
        text: The response, or the bare answer.
        bare: Whether it is a bare answer.
        task: Name of the task that judges it, empty for the plain judge.
        options: Options of a multiple-choice question.
        right: The outcomes that are right, as letters; empty without a label.
        attrs: What the task needs besides, as in a problem's attributes.
    """

    gold: str
    text: str
    bare: bool = False
    task: str = ""
    options: Sequence[str] | Mapping[str, str] | None = None
    right: str = ""
    attrs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judged:
    """A row with what the judge says."""

    line: int
    row: Row
    check: Check

    @property
    def letter(self) -> str:
        """The outcome as a letter."""
        return _LETTER[self.check.outcome]

    @property
    def disagreement(self) -> str | None:
        """`false_correct`, `false_wrong` or `needlessly_undecided`; None when the label agrees or there is none."""
        right = self.row.right
        if not right or self.letter in right:
            return None
        if self.letter == "U" and len(right) > 1:
            return None
        return _KINDS[self.letter]


def read_row(record: object, location: str) -> Row:
    """Read a row of a file.

    Args:
        record: What the line holds.
        location: File and line, for the error.

    Raises:
        ProblemError: A key is missing or holds something else than it should.
    """
    if not isinstance(record, dict):
        raise ProblemError(f"{location}: not an object but {type(record).__name__}; write one object per line.")
    given = [key for key in ("response", "pred") if record.get(key) is not None]
    if record.get("gold") is None or len(given) != 1:
        raise ProblemError(
            f"{location}: it needs `gold` and one of `response` and `pred`; it has {', '.join(record) or 'nothing'}."
        )
    options = record.get("options")
    if options is not None and not isinstance(options, list | dict):
        raise ProblemError(
            f"{location}: `options` is {options!r}; write a list of texts or an object with a text for each letter."
        )
    task, attrs = record.get("task") or "", record.get("attrs") or {}
    if not isinstance(task, str) or not isinstance(attrs, dict):
        key, value, wanted = ("attrs", attrs, "an object") if isinstance(task, str) else ("task", task, "a task's name")
        raise ProblemError(f"{location}: `{key}` is {value!r}; write {wanted}.")
    return Row(
        gold=_text(record["gold"]),
        text=_text(record[given[0]]),
        bare=given[0] == "pred",
        task=task,
        options=options,
        right=_right(record, location),
        attrs=attrs,
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _right(record: Mapping[str, Any], location: str) -> str:
    right, equal = record.get("right"), record.get("equal")
    if right is not None:
        if not isinstance(right, str) or not right or set(right) - set("CWU"):
            raise ProblemError(f"{location}: `right` is {right!r}; write the letters that are right, of C, W and U.")
        return right
    if equal is None:
        return ""
    if not isinstance(equal, bool):
        raise ProblemError(f"{location}: `equal` is {equal!r}; write true or false.")
    return "C" if equal else "W"


def judge_rows(rows: Iterable[tuple[int, Row]], check: Callable[[Row], Check], file: str) -> list[Judged]:
    """Judge rows with their line numbers.

    Raises:
        ProblemError: A task is not known, or cannot check a row's gold answer; the sentence names `file` and line.
    """
    judged = []
    for line, row in rows:
        try:
            judged.append(Judged(line, row, check(row)))
        except (ProblemError, RecipeError) as error:
            raise ProblemError(f"{file}, line {line}: {error}") from None
    return judged


def counts(judged: Sequence[Judged]) -> dict[str, int]:
    """Count outcomes, and disagreements with labels where there are any."""
    outcomes = Counter(verdict.letter for verdict in judged)
    table = {"n": len(judged), "correct": outcomes["C"], "wrong": outcomes["W"], "undecided": outcomes["U"]}
    if any(verdict.row.right for verdict in judged):
        kinds = Counter(verdict.disagreement for verdict in judged)
        table |= {"labelled": sum(bool(verdict.row.right) for verdict in judged)}
        table |= {kind: kinds[kind] for kind in _KINDS.values()}
    return table


def confusion(judged: Sequence[Judged]) -> dict[str, dict[str, int]]:
    """Count outcomes for each label, labels as rows."""
    labels = sorted({verdict.row.right for verdict in judged if verdict.row.right})
    pairs = Counter((verdict.row.right, verdict.letter) for verdict in judged)
    return {label: {outcome: pairs[label, letter] for outcome, letter in (("correct", "C"), ("wrong", "W"), ("undecided", "U"))}
            for label in labels}  # fmt: skip
