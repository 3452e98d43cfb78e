"""Which fields of a row hold the question, the answer and the solution, and how they are read as text."""

import math
import re
from decimal import Decimal
from fractions import Fraction
from string import Formatter
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from storage.errors import ProblemError
from synth.answers.numbers import format_number

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
    regular expression with one group, searched in the answer field, for answers that stand inside a longer text. Without
    `answer` nobody knows the answers: methods may label such problems by a vote or a judge, and they are never held out. A row
    may be without a solution; when none has one, the mapping is wrong.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: str = Field(min_length=1, description="Field, or template of fields: `{Body} {Question}`.")
    answer: str | None = Field(None, min_length=1, description="Field of the gold answer; None where nobody knows it.")
    solution: str | None = Field(None, description="Field or template of the worked solution.")
    answer_pattern: str | None = Field(
        None, description="Regular expression with one group for an answer inside a longer text; its last match counts."
    )
    license: str = Field("unknown", description="Licence of the rows.")

    @field_validator("question", "answer", "solution")
    @classmethod
    def _plain_fields(cls, value: str | None) -> str | None:
        for field in _fields(value or "x"):
            if not field or re.search(r"[.\[\]]", field):
                raise ValueError(f"{value!r} is not a field name or a template such as '{{Body}} {{Question}}'")
        return value

    @model_validator(mode="after")
    def _answers(self) -> "Mapping":
        if self.answer is None and (self.answer_pattern or self.solution):
            raise ValueError("`answer_pattern` and `solution` belong to an `answer`; name its field, or leave them out")
        return self

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


def clean(text: str) -> str:
    """Remove what no table can store: NUL characters go, lone surrogates become U+FFFD."""
    return text if text.isascii() and "\0" not in text else _SURROGATE.sub("\ufffd", text).replace("\0", "")


def render(template: str, row: dict[str, Any], location: str, role: str) -> str:
    """Return the text of a field or template. A part without a full stop gets one where the next part begins.

    Args:
        template: The name of a field, or a template of several.
        row: The row.
        location: Where it stands, for the error.
        role: What the text is, for the error.

    Raises:
        ProblemError: A field is missing, or holds neither text nor a finite number.
    """
    if "{" not in template:
        return _field_text(row, template, location, role)
    rendered = ""
    for literal, field, _, _ in Formatter().parse(template):
        if rendered and field and literal.isspace() and not _ENDED.search(rendered):
            rendered += "."
        rendered += literal + (_field_text(row, field, location, role) if field else "")
    return rendered.strip()


def has_text(template: str, row: dict[str, Any]) -> bool:
    """Whether every field that a template names is there and not empty, as it need not be for a solution."""
    return all(row.get(field) not in (None, "") for field in _fields(template))


def _field_text(row: dict[str, Any], field: str, location: str, role: str) -> str:
    if field not in row:
        fields = ", ".join(map(str, list(row)[:12])) or "none"
        raise ProblemError(
            f"{location}: there is no field {field!r} for the {role}; its fields are {fields}. Correct the mapping."
        )
    value = row[field]
    if isinstance(value, str):
        return clean(value).strip()
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or not math.isfinite(value):
        kind = "null" if value is None else str(value) if isinstance(value, float | Decimal) else type(value).__name__
        raise ProblemError(
            f"{location}: field {field!r} is {kind}, not text or a number; correct the row or the mapping."
        )
    return format_number(Fraction(value if isinstance(value, Decimal) else str(value)))
