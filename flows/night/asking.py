"""Between synthesis and curation the filters that ask a model ask it. Their calls are in the ledger like any other."""

from filters.night.curate import Curator
from flows.night.accelerator import Accelerator, needs_accelerator
from flows.night.night import Night
from storage.ledger.published import adopt, publish


async def ask_for_filters(night: Night, curator: Curator) -> None:
    """Let each filter that has not asked yet ask about the night's rows, and publish the calls.

    Raises:
        ModelServerError: A model cannot be reached; the same command goes on later.
    """
    waiting = curator.to_ask()
    if not waiting:
        return
    asker = night.asker()
    engines = {id(engine): engine for engine in asker.engines.values()}
    async with Accelerator(night.workspace, night.progress, needed=needs_accelerator(night.recipe)):
        adopt(night.ledger, night.lake, {engine.model for engine in engines.values()})
        try:
            for name in waiting:
                with night.progress.stage(name) as stage:
                    stage.advance(await curator.ask(name, asker))
        finally:
            for engine in engines.values():
                await engine.close()
            publish(night.ledger, night.lake, night.id)
