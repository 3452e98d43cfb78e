"""What is different from the night before: what was pinned, and the shares of methods among accepted rows."""

from collections.abc import Mapping, Sequence
from typing import Any

_NAMED = {
    "student": "the student",
    "benchmarks": "the benchmarks",
    "judge": "the judge of answers",
    "code": "Nightschool itself",
}


def pin_changes(before: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> list[str]:
    """Name what two nights of a recipe were pinned to differently; empty where nothing differs or one is not known."""
    if not before or not now:
        return []
    lines = [f"recipe: {name}" for name in _differing(before.get("parts"), now.get("parts"))]
    lines += [f"source of the method {name}" for name in _differing(before.get("methods"), now.get("methods"))]
    lines += [f"prompt {name}" for name in _differing(_prompts(before), _prompts(now))]
    lines += [text for name, text in _NAMED.items() if before.get(name) != now.get(name)]
    return lines


def method_drift(before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> float | None:
    """Return the total variation distance, 0 to 1, between the shares of methods in accepted rows of two funnels.

    None where one has no accepted row.
    """
    counts = [{row["method"]: row["accepted"] for row in funnel} for funnel in (before, now)]
    old, new = (sum(count.values()) for count in counts)
    if not old or not new:
        return None
    methods = counts[0].keys() | counts[1].keys()
    return float(sum(abs(counts[0].get(name, 0) / old - counts[1].get(name, 0) / new) for name in methods) / 2)


def _differing(before: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> list[str]:
    old, new = dict(before or {}), dict(now or {})
    return sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))


def _prompts(pin: Mapping[str, Any]) -> dict[str, str]:
    """Digest by prompt, of `name@digest`."""
    return {name: digest for name, _, digest in (str(prompt).partition("@") for prompt in pin.get("prompts") or [])}
