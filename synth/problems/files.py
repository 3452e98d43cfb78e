"""Problems from files (JSON lines, Parquet) and Hugging Face data sets, with a declared mapping of their fields.

Everything is checked at the door: what is missing or broken stops the draw with a sentence that names file, line and field.
Repeated questions are left out and listed in `dropped`, and so are gold answers that do not verify against themselves or that
their own solution contradicts; `bad_gold="stop"` stops at these instead. Numbers keep the value that the file writes.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from string import Formatter
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, field_validator

from storage.errors import ProblemError
from synth.answers.judge import WRONG_ANSWER, gold_verifies, judge
from synth.answers.numbers import format_number
from synth.answers.parsing.form import read_form
from synth.answers.parsing.forms import Quantity
from synth.problems.base import Problem
from synth.problems.math_word import canonical_question

_ANSWER_TAIL = re.compile(r"\n*[ \t]*####[^\n]*\s*$")
_SURROGATE = re.compile("[\ud800-\udfff]")
_ENDED = re.compile(r"[.!?:;,]['\"”’)]*$")


def _fields(template: str) -> list[str]:
    """The fields that a template names, or the one field that it is."""
    if "{" not in template:
        return [template]
    try:
        parts = list(Formatter().parse(template))
    except ValueError:
        return [""]
    return [field or "" for _, field, spec, conversion in parts if field is not None or spec or conversion]


class Mapping(BaseModel):
    """Which fields of a row hold what.

    `question` (and `solution`) name a field, or are a template of several: `{Body} {Question}`. `answer_pattern` is a
    regular expression with one group, searched in the answer field, for answers that stand inside a longer text.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: str = Field(min_length=1)
    answer: str = Field(min_length=1)
    solution: str | None = None
    answer_pattern: str | None = None
    license: str = "unknown"

    @field_validator("question", "answer", "solution")
    @classmethod
    def _plain_fields(cls, value: str | None) -> str | None:
        for field in _fields(value or "x"):
            if not field or re.search(r"[.\[\]]", field):
                raise ValueError(f"{value!r} is not a field name or a template such as '{{Body}} {{Question}}'")
        return value

    @field_validator("answer_pattern")
    @classmethod
    def _one_group(cls, value: str | None) -> str | None:
        try:
            groups = re.compile(value or "()").groups
        except re.error as error:
            raise ValueError(f"{value!r} is not a regular expression: {error}") from None
        if groups != 1:
            raise ValueError(f"{value!r} has {groups} groups; write one, around the answer")
        return value


MAPPINGS = {
    "gsm8k": Mapping(
        question="question", answer="answer", solution="answer", answer_pattern=r"####\s*([^\n]+)", license="MIT"
    ),
    "svamp": Mapping(question="{Body} {Question}", answer="Answer", license="MIT"),
}


@dataclass(frozen=True, slots=True)
class Dropped:
    """A row that was left out.

    Attributes:
        line: Where it stands.
        reason: `duplicate`, `conflicting_answer`, `bad_gold` or `contradicts_solution`.
        kept: Where the row stands that was kept instead; 0 for none.
        detail: What is wrong with it, in a sentence; empty for a repetition.
    """

    line: int
    reason: str
    kept: int = 0
    detail: str = ""


class _BadGoldError(Exception):
    """A gold answer that cannot be used: `reason` and a sentence."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Rows(Protocol):
    """Where rows come from. Iterating gives each row with its number, counted from 1."""

    @property
    def label(self) -> str:
        """How an error message names the place."""
        ...

    @property
    def unit(self) -> str:
        """What a row is called there: `line` or `row`."""
        ...

    def __iter__(self) -> Iterator[tuple[int, Any]]: ...


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

    def draw(
        self, limit: int, *, seed: int, tier: int | None = None, exclude: frozenset[str] = frozenset()
    ) -> Sequence[Problem]:
        """Draw the first `limit` problems that are not excluded; `seed` is not used, every row is of tier 1.

        Raises:
            ProblemError: The rows are missing, broken or empty; or a gold answer cannot be used, and that is to stop.
        """
        self.dropped = []
        if tier not in (None, 1):
            return []
        drawn: list[Problem] = []
        seen: dict[str, tuple[int, str]] = {}
        number = 0
        for number, row in self._rows:
            try:
                problem = self._problem(number, row)
            except _BadGoldError as error:
                if self._stops:
                    raise ProblemError(str(error)) from None
                self.dropped.append(Dropped(number, error.reason, detail=str(error)))
                continue
            if problem.structure in seen:
                kept, gold = seen[problem.structure]
                reason = "duplicate" if gold == problem.gold else "conflicting_answer"
                self.dropped.append(Dropped(number, reason, kept))
                continue
            seen[problem.structure] = (number, problem.gold)
            if problem.structure_id not in exclude:
                drawn.append(problem)
            if len(drawn) >= limit:
                break
        if not number:
            raise ProblemError(f"{self._rows.label}: there are no rows in it; name a data set that holds problems.")
        return drawn[:limit]

    def _problem(self, number: int, row: object) -> Problem:
        place = f"{self._rows.label}, {self._rows.unit} {number}"
        if not isinstance(row, dict):
            raise ProblemError(f"{place}: not a JSON object but {type(row).__name__}; write one object per line.")
        mapping = self._mapping
        question = _render(mapping.question, row, place, "question")
        structure = canonical_question(question)
        if not structure:
            raise ProblemError(
                f"{place}: the question (field {mapping.question!r}) is empty; fill it or remove the row."
            )
        gold = self._gold(row, place)
        solution = None
        if mapping.solution is not None:
            written = _render(mapping.solution, row, place, "solution")
            _agrees(gold, written, place)
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

    def _gold(self, row: dict[str, Any], place: str) -> str:
        mapping = self._mapping
        text = _render(mapping.answer, row, place, "answer")
        if mapping.answer_pattern is not None:
            found = re.findall(mapping.answer_pattern, text)
            if not found:
                raise ProblemError(
                    f"{place}: no answer found in field {mapping.answer!r} by the pattern {mapping.answer_pattern!r}; "
                    "correct `answer_pattern`."
                )
            text = found[-1].strip()
        gold = _plain_gold(text)
        if not gold_verifies(gold):
            raise _BadGoldError(
                "bad_gold",
                f"{place}: the gold answer {text[:80]!r} (field {mapping.answer!r}) does not verify against itself; "
                "give the final answer alone, or an `answer_pattern` that finds it.",
            )
        return gold


def _agrees(gold: str, solution: str, place: str) -> None:
    """Check a gold answer against what its own solution answers."""
    check = judge(gold, solution)
    if check.reason == WRONG_ANSWER:
        raise _BadGoldError(
            "contradicts_solution",
            f"{place}: the gold answer is {gold[:80]!r}, but its own solution answers {(check.reading or '')[:80]!r}; "
            "correct one of them or remove the row.",
        )


def _plain_gold(text: str) -> str:
    """A plain number without separators and without words that are no unit; everything else as it stands."""
    form = read_form(text)
    plain = (
        isinstance(form, Quantity) and form.tree[0] in ("n", "neg") and not (form.unit or form.percent or form.group)
    )
    value = form.value if isinstance(form, Quantity) and plain and not form.prose else None
    return text if value is None else format_number(value)


class FileRows:
    """Rows of a `.jsonl` or `.parquet` file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.label = str(path)
        self.unit = "row" if path.suffix == ".parquet" else "line"

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        if not self._path.is_file():
            raise ProblemError(f"{self.label}: there is no such file; correct `path`.")
        if self._path.suffix not in (".jsonl", ".json", ".ndjson", ".parquet"):
            raise ProblemError(f"{self.label}: {self._path.suffix!r} is not read; convert it to .jsonl or .parquet.")
        return self._parquet() if self._path.suffix == ".parquet" else self._json_lines()

    def _json_lines(self) -> Iterator[tuple[int, Any]]:
        with self._path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if number == 1:
                    line = line.removeprefix(b"\xef\xbb\xbf")
                if not line.strip():
                    continue
                try:
                    yield number, json.loads(line, parse_float=Decimal, object_pairs_hook=_without_repetition)
                except (ValueError, RecursionError) as error:
                    raise ProblemError(
                        f"{self.label}, line {number}: not JSON ({error}); write one JSON object per line."
                    ) from None

    def _parquet(self) -> Iterator[tuple[int, Any]]:
        import pyarrow
        import pyarrow.parquet

        number = 0
        try:
            with pyarrow.parquet.ParquetFile(self._path) as file:
                names = file.schema_arrow.names
                repeated = next((name for name in names if names.count(name) > 1), None)
                if repeated is not None:
                    raise ProblemError(f"{self.label}: two columns are named {repeated!r}; rename one of them.")
                narrow = {
                    field.name for field in file.schema_arrow if field.type in (pyarrow.float16(), pyarrow.float32())
                }
                for batch in file.iter_batches(batch_size=1_000):
                    columns = {name: batch.column(name) for name in narrow}
                    shown = {name: _shortest(column) for name, column in columns.items()}
                    for index, row in enumerate(batch.to_pylist()):
                        number += 1
                        yield number, row | {name: values[index] for name, values in shown.items()}
        except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
            raise ProblemError(f"{self.label}, after row {number}: not readable as Parquet ({error}).") from None


class HubRows:
    """Rows of a Hugging Face data set, by name on the hub or as a local folder. `datasets` is imported on first use."""

    unit = "row"

    def __init__(
        self, name: str, *, config: str | None = None, split: str = "train", revision: str | None = None
    ) -> None:
        self._name, self._config, self._split, self._revision = name, config, split, revision
        self.label = f"data set {name}{'/' + config if config else ''} ({split})"

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        import datasets

        try:
            rows: Iterable[Any] = datasets.load_dataset(
                self._name, self._config, split=self._split, revision=self._revision
            )
        except Exception as error:  # the library raises many kinds, also of the network beneath it
            raise ProblemError(
                f"{self.label}: cannot be loaded ({type(error).__name__}: {str(error)[:200]}); "
                "check its name, configuration and split, or the network."
            ) from error
        yield from enumerate(rows, start=1)


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, none of whose keys occurs twice."""
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} occurs twice")
    return row


def _shortest(column: Any) -> list[Any]:
    """Numbers of less than double precision as the shortest decimals that stand for them: 0.1, not 0.10000000149."""
    values = column.to_numpy(zero_copy_only=False)
    kind = "float16" if str(column.type) == "halffloat" else "float32"
    shown = values.astype(kind)
    return [
        None if null else Decimal(str(value)) for value, null in zip(shown, column.is_null().to_pylist(), strict=True)
    ]


def file_source(
    path: Path, mapping: Mapping | str, name: str | None = None, *, bad_gold: Literal["skip", "stop"] = "skip"
) -> MappedSource:
    """A source over a local file, by a mapping or the name of a built-in one."""
    chosen = MAPPINGS[mapping] if isinstance(mapping, str) else mapping
    return MappedSource(FileRows(path), chosen, name or path.stem, bad_gold=bad_gold)


def clean(text: str) -> str:
    """Remove what no table can store: NUL characters go, lone surrogates become U+FFFD."""
    return _SURROGATE.sub("\ufffd", text).replace("\0", "") if _unclean(text) else text


def _unclean(text: str) -> bool:
    return not text.isascii() or "\0" in text


def _render(template: str, row: dict[str, Any], place: str, role: str) -> str:
    """The text of a field or template. A part without a full stop gets one where the next part begins."""
    if "{" not in template:
        return _text(row, template, place, role)
    rendered = ""
    for literal, field, _, _ in Formatter().parse(template):
        if rendered and field and literal.isspace() and not _ENDED.search(rendered):
            rendered += "."
        rendered += literal + (_text(row, field, place, role) if field else "")
    return rendered.strip()


def _text(row: dict[str, Any], field: str, place: str, role: str) -> str:
    if field not in row:
        known = ", ".join(map(str, list(row)[:12])) or "none"
        raise ProblemError(
            f"{place}: there is no field {field!r} for the {role}; its fields are {known}. Correct the mapping."
        )
    value = row[field]
    if isinstance(value, str):
        return clean(value).strip()
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or not math.isfinite(value):
        kind = "null" if value is None else str(value) if isinstance(value, float | Decimal) else type(value).__name__
        raise ProblemError(f"{place}: field {field!r} is {kind}, not text or a number; correct the row or the mapping.")
    return format_number(Fraction(value if isinstance(value, Decimal) else str(value)))
