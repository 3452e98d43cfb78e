"""What `nightschool compare` has found for a recipe, from the tables in the workspace's `experiments/`."""

import json
from contextlib import suppress
from typing import Any

from storage.workspace import Workspace

SHOWN = 3
"""Experiments in a report, the last ones."""


def experiments(workspace: Workspace, recipe: str) -> list[dict[str, Any]]:
    """Return the last experiments of a recipe: each arm with its accuracy and its difference from the first."""
    files = (workspace.root / "experiments").glob(f"{recipe}-{'[0-9a-f]' * 8}/table.json")
    tables = []
    for file in sorted(files, key=lambda file: file.stat().st_mtime)[-SHOWN:]:
        with suppress(OSError, ValueError, KeyError, IndexError):  # half a copy, or of another version
            table = json.loads(file.read_text(encoding="utf-8"))
            first = table["arms"][0]["arm"]
            arms = [
                {
                    **{name: arm[name] for name in ("arm", "seeds", "rows", "tokens", "greedy")},
                    "difference": arm[f"greedy_minus_{first}"],
                }
                for arm in table["arms"]
            ]
            folder = workspace.relative(file.parent)
            tables.append({"folder": folder, "items": table["items"], "first": first, "arms": arms})
    return tables
