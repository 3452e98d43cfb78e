"""One finding of the doctor: what was looked at, what is so, and what to do about it."""

from dataclasses import asdict, dataclass
from typing import Literal

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding, a line for people.

    Attributes:
        part: What was looked at.
        level: `ok`, `warn` (a night may run) or `fail` (it will not).
        state: What is so.
        remedy: What to do; empty when all is well.
    """

    part: str
    level: Level
    state: str
    remedy: str = ""

    def to_json(self) -> dict[str, str]:
        """Return the fields as plain values."""
        return asdict(self)


def ok(part: str, state: str) -> Finding:
    """Make a finding that needs nothing."""
    return Finding(part, "ok", state)


def warn(part: str, state: str, remedy: str) -> Finding:
    """Make a finding with which a night may run."""
    return Finding(part, "warn", state, remedy)


def fail(part: str, state: str, remedy: str = "") -> Finding:
    """Make a finding with which no night will run."""
    return Finding(part, "fail", state, remedy)
