"""Asking beside the shards: what methods prepare before them, and what filters ask after them. Calls are in the ledger too."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from filters.night.curate import Curator
from flows.night.accelerator import Accelerator, needs_accelerator
from flows.night.night import Night
from storage.ledger.published import adopt, publish
from synth.calls.ask import Asker


@asynccontextmanager
async def asking(night: Night) -> AsyncIterator[Asker]:
    """Lend the night's asker, with the accelerator held and the calls of other machines known; publish what it asked."""
    asker = night.asker()
    async with Accelerator(night.workspace, night.progress, needed=needs_accelerator(night.recipe)):
        adopt(night.ledger, night.lake, {engine.model for engine in asker.engines.values()})
        try:
            yield asker
        finally:
            await asker.close()
            publish(night.ledger, night.lake, night.id)


async def ask_for_filters(night: Night, curator: Curator) -> None:
    """Let each filter that has not asked yet ask about the night's rows.

    Raises:
        ModelServerError: A model cannot be reached; the same command goes on later.
    """
    waiting = curator.to_ask()
    if not waiting:
        return
    async with asking(night) as asker:
        for name in waiting:
            with night.progress.stage(name) as stage:
                stage.advance(await curator.ask(name, asker))
