"""Learning from a student's attempt step by step: right steps carry loss, wrong ones are only read.

Rows of kind `stepwise` (critique, step labels) keep the attempt and say of each step whether it is right. Loss on chosen
steps of a trajectory with the rest as context is ATLaS (arXiv:2503.02197), there with steps that a model chose.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from synth.notes import read_notes
from synth.sample import problem_of
from train_stages.masks.base import Ask, Chat, Mask


def step_spans(text: str, steps: Sequence[str], labels: Sequence[bool]) -> list[tuple[int, int]]:
    """Find the right steps in a text, as character positions; the lines between two right steps belong to the first.

    Steps are looked for one after the other. What comes after the first step that is not in the text is left out.
    """
    spans: list[tuple[int, int]] = []
    at = 0
    for step, right in zip(steps, labels, strict=True):
        start = text.find(step, at)
        if start < 0:
            break
        at = start + len(step)
        end = at + (text[at : at + 1] == "\n")
        if right and spans and spans[-1][1] == start:
            spans[-1] = (spans[-1][0], end)
        elif right:
            spans.append((start, end))
    return spans


def masked_attempt(row: Mapping[str, Any], ask: Ask) -> Chat | None:
    """A stepwise row as the chat in which the student made its attempt, and the parts of it that carry loss.

    Returns:
        None for any other row, and when no step is right.
    """
    if row["kind"] != "stepwise" or not row["steps"]:
        return None
    attempt = read_notes(row["kind"], row.get("notes"), row["attrs"]).attempt
    if attempt is None:
        return None
    spans = step_spans(attempt.text, row["steps"], row["labels"])
    problem = problem_of({**row, "attrs": row["problem_attrs"]})
    return Chat([*ask(problem), {"role": "assistant", "content": attempt.text}], spans) if spans else None


class Steps(Mask):
    """Also learn from a student's attempts whose steps were labelled (critique, step labels): loss on the right steps."""

    name: ClassVar[str] = "steps"
    paper: ClassVar[str] = "arXiv:2503.02197"

    def __call__(self, row: Mapping[str, Any], ask: Ask) -> list[Chat]:
        """Return the row's chat, and the attempt that it holds."""
        attempt = masked_attempt(row, ask)
        return super().__call__(row, ask) + ([attempt] if attempt else [])
