"""Runs the flows of one night in this process, one after the other, under one embedded orchestrator."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from storage.errors import OrchestratorError
from storage.workspace import Workspace


def run_flows(
    recipe: Path, settings: Sequence[str], date: str, workspace: Workspace, *, train: bool, repin: bool, quiet: bool
) -> dict[str, Any]:
    """Run `nightly`, then `train`; return their figures under `night` and `train` (None when it was not asked for)."""
    import httpx

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

    try:
        return asyncio.run(both())
    except httpx.TransportError as error:
        where = os.environ.get("PREFECT_API_URL", "the embedded one")
        raise OrchestratorError(
            f"the Prefect server ({where}) cannot be reached: {error}. Start it, or unset PREFECT_API_URL to use the embedded one"
        ) from error
