"""The judge's turn: between synthesis and curation, when the recipe has one. Its calls are in the ledger like any other."""

from filters.curate import Curator
from flows.accelerator import Accelerator, needs_accelerator
from flows.night import Night
from storage.published import adopt, publish


async def judge(night: Night, curator: Curator) -> None:
    """Ask the judge for its scores, and publish its calls.

    Raises:
        ModelServerError: It cannot be reached; the same command goes on later.
    """
    if curator.judge.role is None or night.lake.has(f"judge:{night.id}"):
        return
    asker = night.asker()
    engines = {id(engine): engine for engine in asker.engines.values()}
    async with Accelerator(night.workspace, night.progress, needed=needs_accelerator(night.recipe)):
        adopt(night.ledger, night.lake, {engine.model for engine in engines.values()})
        with night.progress.stage("judge") as stage:
            try:
                stage.advance(await curator.ask_judge(asker))
            finally:
                for engine in engines.values():
                    await engine.close()
                publish(night.ledger, night.lake, night.id)
