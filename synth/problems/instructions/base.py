"""What a constraint is: a sentence for a prompt, a pure check of a response, and parameters drawn at random."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Value = Any


@dataclass(frozen=True)
class Constraint:
    """One kind of constraint.

    Attributes:
        name: As problems name it: `words.at_least`.
        sentence: What a prompt says of it, with `{parameters}`.
        check: Whether a response keeps it, given the parameters. Pure; never raises on model text.
        draw: Parameters, drawn at random.
        example: Parameters and a response that keeps the constraint, and one that does not.
        conflicts: What it cannot be asked together with: those of a group exclude each other.
    """

    name: str
    sentence: str
    check: Callable[..., bool]
    draw: Callable[[random.Random], Mapping[str, Value]]
    example: tuple[Mapping[str, Value], str, str]
    conflicts: str

    def say(self, values: Mapping[str, Value]) -> str:
        """Return the sentence with these parameters."""
        return self.sentence.format(**{key: _said(value) for key, value in values.items()})


def _said(value: Value) -> str:
    return ", ".join(f'"{item}"' for item in value) if isinstance(value, list | tuple) else str(value)
