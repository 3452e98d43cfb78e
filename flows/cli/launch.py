"""Runs the flows of nights in this process, one after the other, under one embedded orchestrator."""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flows.service.orchestrator import embedded_server
from storage.errors import OrchestratorError
from storage.workspace import Workspace


def run_flows(
    recipe: Path,
    settings: Sequence[str],
    dates: Sequence[str],
    workspace: Workspace,
    *,
    train: bool,
    repin: bool,
    quiet: bool,
    ray: str | None = None,
) -> list[dict[str, Any]]:
    """Run `nightly`, then `train`, for each date in turn.

    Returns:
        For each date the figures under `night` and `train` (None when it was not asked for).

    Raises:
        OrchestratorError: The Prefect server cannot be reached.
    """
    common: dict[str, Any] = {
        "recipe": str(recipe),
        "workspace": str(workspace.root),
        "settings": list(settings),
        "quiet": quiet,
    }
    with embedded_server(workspace):
        import httpx

        from flows.nightly import nightly  # Prefect reads where its server is when it is imported
        from flows.service.zombies import close_runs
        from flows.train import train as train_flow

        def run_one(date: str) -> dict[str, Any]:
            """Both in the main thread, where Ctrl-C ends them; a training in another one would be waited for."""
            night = asyncio.run(nightly(**common, date=date, repin=repin, ray=ray))
            return {"night": night, "train": train_flow(**common, date=date, repin=repin) if train else None}

        try:
            for line in close_runs(workspace):
                print(line, file=sys.stderr)  # noqa: T201 - for whoever started it
            return [run_one(date) for date in dates]
        except httpx.TransportError as error:
            address = os.environ.get("PREFECT_API_URL", "the embedded one")
            raise OrchestratorError(
                f"the Prefect server ({address}) cannot be reached: {error}. Start it, or unset PREFECT_API_URL to use the "
                "embedded one"
            ) from error
