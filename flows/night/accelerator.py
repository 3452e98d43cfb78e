"""One accelerator, two jobs: a model server at synthesis time, training afterwards, never both at once on one machine.

The kernel frees the lock when its holder dies, however it dies. Not covered: programs that are not Nightschool's, and two
workspaces on one machine.
"""

import asyncio
import time
from contextlib import ExitStack
from types import TracebackType

from flows.recipe.recipe import Recipe
from flows.report.progress import Progress
from storage.errors import WorkspaceError
from storage.workspace import Workspace

POLL_S = 0.5


class Accelerator:
    """Holds the machine's accelerator for a workspace, waiting for it first; a context manager, also an async one.

    Args:
        workspace: The workspace.
        progress: Told that it waits.
        needed: False takes nothing: a recipe whose models are elsewhere, or need none.
    """

    def __init__(self, workspace: Workspace, progress: Progress, *, needed: bool = True) -> None:
        self._workspace, self._progress, self._needed = workspace, progress, needed
        self._stack = ExitStack()
        self._told = False

    def _taken(self) -> bool:
        if not self._needed:
            return True
        try:
            self._stack.enter_context(self._workspace.lock("accelerator", wait=False))
        except WorkspaceError:
            if not self._told:
                self._progress.say("the accelerator is taken by a training or a model server; waiting for it")
            self._told = True
            return False
        return True

    def __enter__(self) -> None:
        while not self._taken():
            time.sleep(POLL_S)

    async def __aenter__(self) -> None:
        while not self._taken():
            await asyncio.sleep(POLL_S)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()


def needs_accelerator(recipe: Recipe) -> bool:
    """Whether a night of a recipe starts a model server on this machine itself."""
    return any(spec.engine == "vllm" and not spec.endpoints for spec in recipe.models.values())
