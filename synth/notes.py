"""Notes: what a method says about a row to the filters and to training. They read nothing else of a method's own.

Each kind of sample has its model. Rows keep them in the column `notes`, as JSON without what is left at its default. The
method's further columns are `attrs`, for SQL and for people: no code of ours reads them.
"""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

Kind = Literal["sft", "preference", "prompt", "text", "stepwise"]
_WORD = re.compile(r"[a-z][a-z0-9_]{0,63}")
Word = Annotated[str, StringConstraints(pattern=rf"^{_WORD.pattern}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Attempt(_Part):
    """The attempt of a student that a row is about."""

    text: str = Field(description="What the student wrote.")
    readable: bool = Field(True, description="Whether it has a step and an answer; there is no lesson in noise.")


class Question(_Part):
    """The method asked a question of its own: the row is about it, not about the problem it was made from."""

    gold: str | None = Field(description="Its gold answer; None where none can be read.")
    text: str | None = Field(None, description="What it asks, without the words of a prompt around it.")
    source: Literal["rule", "vote", "judge", "model"] = Field(
        "model", description="Who says so: a rule, the vote of several answers, a judge's choice among them, a model."
    )


class Label(_Part):
    """An answer that the method gives to a problem without a gold answer: the row is held against it."""

    gold: str = Field(min_length=1, description="The answer.")
    source: Literal["vote", "judge", "model"] = Field(
        description="The vote of several answers, a judge's choice among them, or another model that answers alike."
    )
    share: float | None = Field(None, ge=0, le=1, description="Share of the votes, or of the other model's answers.")


class Judgement(_Part):
    """A row that judges something, which the checker has judged too."""

    agrees: bool | None = Field(
        description="Whether both say the same; None where the row's judgement is not readable."
    )
    alone: bool = Field(False, description="The row says its judgement and no answer of its own.")


class Share(_Part):
    """A kind of rows of which a night keeps a limited share of the method's rows: those with the lowest draws."""

    of: str = Field(description="Name of the kind.")
    cap: float = Field(ge=0, le=1, description="Largest share.")
    draw: float = Field(ge=0, le=1, description="By hashing, so that neither sharding nor order decides.")


class TreeNode(_Part):
    """A node of a search: a solution up to the end of a step."""

    node: str = Field(description="Its place: 0 is the root, 0.2 its third child.")
    parent: str | None = Field(description="The node that it comes after; None for the root.")
    step: str = Field(description="The step, as the model wrote it.")
    value: float = Field(ge=0, le=1, description="Share of the completions through it that ended right.")
    visits: int = Field(ge=0, description="Completions through it.")
    right: bool | None = Field(description="Whether the solution that ends here is right; None where none does.")


class Turn(_Part):
    """A turn of a chat without tools."""

    role: str = Field(description="Who speaks.")
    content: str = Field(description="What is said.")


class Notes(_Part):
    """What a row of any kind may say."""

    refused: Word | None = Field(
        None,
        description="Why the method itself speaks against the row, in a stable word. It is yielded all the same, so that every "
        "row made is accounted for, and rejected with this reason.",
    )
    complete: bool | None = Field(
        None,
        description="Whether nothing was cut at its token limit; None lets the calls behind the row decide. The last of them "
        "always counts.",
    )
    thoughts_cut: bool = Field(
        False, description="The token limit ended the thoughts of the model, which said nothing."
    )
    attempt: Attempt | None = None
    question: Question | None = None
    label: Label | None = None
    share: Share | None = None
    tree: tuple[TreeNode, ...] = Field((), description="The tree of the search that the row comes from, parents first.")


class SftNotes(Notes):
    """Notes of an `sft` row."""

    judgement: Judgement | None = None
    abstains: bool = Field(False, description="The row declines to answer, on purpose; it must state no answer.")
    taken_back: tuple[str, ...] = Field(
        (),
        description="Wrong steps in the response that it takes back itself; their equations are not held against it.",
    )
    agreement: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Share of the answers to its question that end as it does; None where one was asked for.",
    )


class PreferenceNotes(Notes):
    """Notes of a `preference` row."""

    judgement: Judgement | None = Field(None, description="That of the better half.")
    margin: float | None = Field(
        None,
        ge=0,
        description="How much better the better half is by the method's own values; the loss `step_apo` wants it.",
    )
    other_prompt: tuple[Turn, ...] = Field(
        (),
        description="The chat to which the worse half is the better one, where there is one; the loss `sami` wants it.",
    )


class PromptNotes(Notes):
    """Notes of a `prompt` row."""


class TextNotes(Notes):
    """Notes of a `text` row."""


class StepwiseNotes(Notes):
    """Notes of a `stepwise` row."""

    judgement: Judgement | None = None
    mentions_labels: bool = Field(False, description="The critic lets slip that it was told the labels.")
    values: tuple[float, ...] = Field(
        (),
        description="Of each labelled step the share of completions from it that ended right; none where steps were judged.",
    )
    critical: tuple[int, ...] = Field(
        (), description="Steps, from 0, that the mask `critical` learns; none where the method chose none."
    )


NOTES: Mapping[str, type[Notes]] = {
    "sft": SftNotes,
    "preference": PreferenceNotes,
    "prompt": PromptNotes,
    "text": TextNotes,
    "stepwise": StepwiseNotes,
}
"""The model of each kind of sample."""


class NotesError(ValueError):
    """Notes that cannot be read: no JSON object, or none that the kind's model allows."""


def to_json(notes: Notes) -> str:
    """Write notes as the lake keeps them."""
    return json.dumps(
        notes.model_dump(mode="json", exclude_defaults=True), sort_keys=True, ensure_ascii=False, separators=(",", ":")
    )


@lru_cache(maxsize=8192)
def read_notes(kind: str, notes: str | None, attrs: str | None = None) -> Notes:
    """Read the notes of a row.

    Args:
        kind: Kind of sample.
        notes: The column `notes`.
        attrs: The column `attrs`: rows from before there were notes have them there, and `notes` is null.

    Raises:
        NotesError: They cannot be read.
    """
    model = NOTES.get(kind, Notes)
    try:
        if notes is None:
            return model.model_validate(_of_attrs(attrs, model))
        return model.model_validate_json(notes)
    except ValidationError as error:
        raise NotesError(f"notes of a row of the kind {kind!r}: {error}") from error


def _of_attrs(text: str | None, model: type[Notes]) -> dict[str, Any]:
    """What a row of before says in its attrs, whose values nobody had checked."""
    try:
        attrs = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    if not isinstance(attrs, dict):
        return {}
    notes: dict[str, Any] = {"complete": False} if attrs.get("complete") is False else {}
    if attrs.get("refused") is not None:
        word = attrs["refused"]
        notes["refused"] = word if isinstance(word, str) and _WORD.fullmatch(word) else "refused"
    if isinstance(attempt := attrs.get("student_attempt"), str):
        notes["attempt"] = {"text": attempt, "readable": attrs.get("readable") is not False}
    elif attrs.get("readable") is False:
        notes["attempt"] = {"text": "", "readable": False}
    if "question_gold" in attrs:
        notes["question"] = {"gold": attrs["question_gold"] if isinstance(attrs["question_gold"], str) else None}
    if "share_of" in attrs:
        notes["share"] = {"of": str(attrs["share_of"]), "cap": attrs["share_cap"], "draw": attrs["share_draw"]}
    if "agrees" in attrs and model in (SftNotes, StepwiseNotes):
        notes["judgement"] = {"agrees": attrs["agrees"] if isinstance(attrs["agrees"], bool) else None}
    if "mentions_labels" in model.model_fields:
        notes["mentions_labels"] = attrs.get("mentions_labels") is True
    return notes
