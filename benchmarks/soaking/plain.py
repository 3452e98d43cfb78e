"""A night as plain function calls: the same code with nothing of Prefect in it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

from flows import nightly
from flows.night import synthesis
from flows.recipe.recipe import Recipe
from flows.report.progress import Progress
from storage.workspace import Workspace

_TASKS = ((nightly, ("plan", "scan_history", "curate", "release")), (synthesis, ("shard",)))


@contextlib.contextmanager
def without_prefect() -> Iterator[None]:
    """Make every task a plain function, and send no event."""
    with contextlib.ExitStack() as stack:
        for module, names in _TASKS:
            for name in names:
                stack.enter_context(patch.object(module, name, getattr(module, name).fn))
        stack.enter_context(patch.object(nightly, "emit_release", lambda *_: None))
        yield


async def plain_nights(recipe: Recipe, dates: list[str], root: Path) -> list[dict[str, Any]]:
    """Run nights one after the other and return what each ended with."""
    workspace, progress = Workspace.create(root), Progress(quiet=True)
    with without_prefect():
        return [await nightly.run_night(recipe, day, workspace, progress) for day in dates]
