"""Finds the kinds of attacks by folder, tries each attack, and counts what held."""

import importlib
import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

HERE = Path(__file__).parent
RESULT = HERE.parent / "results" / "attacks.json"
Attack = Callable[[Mapping[str, Any], Path], str | None]
NEEDED = ("name", "tries", "must_not")


class NotTried(Exception):
    """An attack that cannot be made on this machine, or not to its end."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attack.

    Attributes:
        kind: Its folder.
        name: Its name.
        broken: What happened that must not; None when the promise held.
        seconds: How long it took.
        not_tried: Why it could not be made; None when it was.
    """

    kind: str
    name: str
    broken: str | None
    seconds: float
    not_tried: str | None = None


def kinds() -> list[str]:
    """Return the kinds of attacks there are, by folder."""
    return sorted(path.parent.name for path in HERE.glob("*/attacks.yaml"))


def entries(kind: str) -> list[dict[str, Any]]:
    """Return the attacks of a kind.

    Raises:
        ValueError: One lacks its name, what it tries or what must not happen, or two share a name.
    """
    listed = yaml.safe_load((HERE / kind / "attacks.yaml").read_text(encoding="utf-8"))
    for entry in listed:
        missing = [key for key in NEEDED if not entry.get(key)]
        if missing:
            raise ValueError(f"{kind}: {entry.get('name')}: {', '.join(missing)} is missing")
    names = [entry["name"] for entry in listed]
    if len(set(names)) < len(names):
        raise ValueError(f"{kind}: {sorted(name for name in names if names.count(name) > 1)[0]} stands there twice")
    return list(listed)


def run(kind: str, only: str = "") -> Iterator[Outcome]:
    """Try the attacks of a kind, one after the other.

    Args:
        kind: The kind.
        only: A part of the names of those to try; empty tries all.
    """
    attack: Attack = importlib.import_module(f"stress.attacks.{kind}.attack").attack
    for entry in entries(kind):
        if only not in entry["name"]:
            continue
        began, not_tried = time.monotonic(), None
        with TemporaryDirectory(prefix="attack-") as folder:
            try:
                broken = attack(entry, Path(folder))
            except NotTried as reason:
                broken, not_tried = None, str(reason)
            except Exception as error:  # an attack that ends in an error of ours has succeeded
                broken = f"{type(error).__name__}: {str(error)[:200]}"
        yield Outcome(kind, entry["name"], broken, time.monotonic() - began, not_tried)


def keep(kind: str, outcomes: Sequence[Outcome]) -> None:
    """Write what became of all attacks of a kind to `results/attacks.json`, with the date and the load."""
    kept = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    kept[kind] = {
        "attacks": sum(outcome.not_tried is None for outcome in outcomes),
        "succeeded": sum(outcome.broken is not None for outcome in outcomes),
        "not_tried": sum(outcome.not_tried is not None for outcome in outcomes),
        "seconds": round(sum(outcome.seconds for outcome in outcomes), 1),
        "date": datetime.now(UTC).isoformat(timespec="seconds"), "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
    }  # fmt: skip
    RESULT.write_text(json.dumps(dict(sorted(kept.items())), indent=1) + "\n")
