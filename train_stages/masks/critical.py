"""Learning only the steps of a right solution that decide it; the others are read."""

from collections.abc import Mapping
from typing import Any, ClassVar

from synth.notes import StepwiseNotes, read_notes
from train_stages.masks.base import Ask, Chat, Mask
from train_stages.masks.steps import masked_attempt


class Critical(Mask):
    """Also learn from rows whose critical steps a method chose (critical_steps): loss on these steps alone."""

    name: ClassVar[str] = "critical"
    paper: ClassVar[str] = "arXiv:2503.02197"

    def __call__(self, row: Mapping[str, Any], ask: Ask) -> list[Chat]:
        """Return the row's chat, and the solution that it holds where its critical steps are named."""
        chats = super().__call__(row, ask)
        notes = read_notes(row["kind"], row.get("notes"), row["attrs"])
        if not isinstance(notes, StepwiseNotes) or not notes.critical or notes.attempt is None:
            return chats
        chosen = [number in notes.critical for number in range(len(row["steps"]))]
        attempt = masked_attempt({**row, "labels": chosen}, ask)
        return chats + ([attempt] if attempt else [])
