"""What a method yields, and how problems and samples become rows of the lake and back."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from storage.ids import digest
from synth.engines.base import Message
from synth.notes import Kind, Notes
from synth.problems.base import Problem

__all__ = ["Kind", "Origin", "Sample", "ScoreOf", "problem_of", "problem_row", "sample_id"]

Origin = Literal["model", "rule", "gold"]


@dataclass(frozen=True, slots=True)
class ScoreOf:
    """What one scorer says of a sample.

    Attributes:
        scorer: Name of the scorer.
        version: Its version.
        value: The number; None where it can give none.
        reason: A stable word for the value, or for why there is none.
        call_ids: Calls behind it.
        model: Identity of the model that was asked; None where none was.
    """

    scorer: str
    version: str
    value: float | None
    reason: str | None = None
    call_ids: tuple[str, ...] = ()
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One row that a method wrote.

    Attributes:
        kind: What it is for: `sft` (messages), `preference` (response and rejected), `prompt` (for RL), `text` (for
            CPT), `stepwise` (steps with labels).
        messages: The chat up to the answer that is learned; ends with a user turn (empty for `text`).
        response: The answer that is learned.
        answer: The final answer the row claims, None when it claims none.
        rejected: The worse answer of a preference pair.
        text: Plain text for continued pre-training.
        steps: Steps of a stepwise row.
        labels: Whether each of `steps` is right; None where it is not sure, which is never taught.
        notes: What the row says to filters and training, by the model of its kind (`synth.notes`); None says nothing.
        scores: What scorers say of it; they stand in the table `evidence`, as the kind `score`.
        tools: Schemas of the tools that the chat may call, as OpenAI writes them; None where there are none.
        attrs: The method's own columns, which nobody else reads. JSON values only.
        parents: Content keys of the calls behind it; None means every call the attempt asked so far.
        origin: Who wrote the answer; None lets the last parent's engine decide.
    """

    kind: Kind = "sft"
    messages: Sequence[Message] = ()
    response: str | None = None
    answer: str | None = None
    rejected: str | None = None
    text: str | None = None
    steps: Sequence[str] | None = None
    labels: Sequence[bool | None] | None = None
    notes: Notes | None = None
    scores: Sequence[ScoreOf] = ()
    tools: Sequence[Mapping[str, Any]] | None = None
    attrs: Mapping[str, Any] = field(default_factory=dict)
    parents: Sequence[str] | None = None
    origin: Origin | None = None


def sample_id(attempt_id: str, position: int) -> str:
    """Identity of a sample: its attempt and its position in it, so a re-run writes the same rows."""
    return digest("sample", attempt_id, position)


def problem_row(problem: Problem, *, split: str, night: str) -> dict[str, Any]:
    """Turn a problem into a row of the lake's `problems`."""
    return {
        "problem_id": problem.id,
        "task": problem.task,
        "source": problem.source,
        "split": split,
        "tier": problem.tier,
        "prompt": problem.prompt,
        "gold": problem.gold,
        "gold_source": problem.gold_source,
        "solution": problem.solution,
        "structure_id": problem.structure_id,
        "structure": problem.structure,
        "license": problem.license,
        "attrs": json.dumps(dict(problem.attrs), sort_keys=True, ensure_ascii=False),
        "night": night,
    }


def problem_of(row: Mapping[str, Any]) -> Problem:
    """Turn a row of the lake's `problems` back into the problem; its id is the same."""
    return Problem(
        task=row["task"],
        source=row["source"],
        prompt=row["prompt"],
        gold=row["gold"],
        structure=row["structure"],
        tier=row["tier"],
        solution=row["solution"],
        license=row["license"],
        attrs=json.loads(row["attrs"]),
        gold_source=row.get("gold_source") or "data",
    )
