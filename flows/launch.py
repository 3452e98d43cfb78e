"""Runs the flows of one night in this process, one after the other, under one embedded orchestrator."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from storage.workspace import Workspace


def run_flows(
    recipe: Path, settings: Sequence[str], date: str, workspace: Workspace, *, train: bool, repin: bool, quiet: bool
) -> dict[str, Any]:
    """Run `nightly`, then `train`; return their figures under `night` and `train` (None when it was not asked for)."""
    from flows.nightly import nightly
    from flows.train import train as train_flow

    common: dict[str, Any] = {
        "recipe": str(recipe),
        "date": date,
        "workspace": str(workspace.root),
        "settings": list(settings),
        "quiet": quiet,
    }

    async def both() -> dict[str, Any]:
        night = await nightly(**common, repin=repin)
        trained = await asyncio.to_thread(lambda: train_flow(**common)) if train else None
        return {"night": night, "train": trained}

    return asyncio.run(both())
