"""Shards on Ray: each in a process of a Ray cluster, with a ledger of its machine; commits stay in the flow.

What many processes can share of deciding a large night runs there too (`on_ray`), by files of the workspace.

Optional: it needs `prefect-ray`. What is committed does not depend on where a shard ran. Every machine of the cluster needs
Nightschool's environment, the recipe's files and the workspace under the same path (`workspace.json` names the shared
catalogue and object store). Not covered: budgets of calls, tokens or money, which count in one process; models that a
night would start or load itself on one machine.
"""

import asyncio
import datetime
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from flows.night.night import Night
from flows.recipe.recipe import Recipe
from flows.report.progress import Progress
from storage.errors import OrchestratorError, RecipeError
from storage.lake.lake import Lake
from storage.ledger.ledger import Ledger
from storage.ledger.published import publish
from storage.models.checkpoints import Checkpoint
from storage.processes import pid_space
from storage.spreading import Spread, here, in_processes
from storage.workspace import Workspace
from synth.night.runner import Attempt, Finished, run_attempts

LOCAL = "local"
"""Instead of an address: a cluster of this machine, for as long as the night asks."""


@task(name="shard", task_run_name="shard {number}", cache_policy=NO_CACHE, persist_result=False)
async def remote_shard(
    number: int,
    attempts: Sequence[Attempt],
    recipe: Recipe,
    date: str,
    root: Path,
    student: Checkpoint | None,
    verifier: Checkpoint | None,
    deadline: datetime.datetime | None,
    home: str,
) -> Finished:
    """Run one shard of attempts with a ledger of the machine it finds itself on, and publish its calls from there.

    Args:
        number: Of the shard.
        attempts: What to run.
        recipe: The night's recipe.
        date: Its logical date.
        root: The workspace's folder.
        student: Its student.
        verifier: Its verifier.
        deadline: When it must be through with asking.
        home: Where the flow runs; a shard on the same machine leaves the publishing to it.
    """
    workspace = Workspace.open(root)
    with Lake(workspace) as lake, Ledger(workspace.ledger) as ledger:
        night = Night(recipe, date, workspace, lake, ledger, Progress(quiet=True), student, deadline, verifier=verifier)
        asker = night.asker()
        try:
            return await run_attempts(attempts, asker)
        finally:
            await asker.close()
            if pid_space() != home:
                publish(ledger, lake, night.id)


class RayShards:
    """Runs shards of a night on a Ray cluster. Make one with `ray_shards`.

    Args:
        runner: Prefect's task runner for Ray, started.
        night: The night.
    """

    def __init__(self, runner: Any, night: Night) -> None:
        self._runner, self._night = runner, night

    async def run(self, number: int, attempts: Sequence[Attempt]) -> Finished:
        """Run one shard and return what became of its attempts; its errors are raised here."""
        night = self._night
        parameters = {
            "number": number, "attempts": attempts, "recipe": night.recipe, "date": night.date, "root": night.workspace.root,
            "student": night.student, "verifier": night.verifier, "deadline": night.deadline, "home": pid_space(),
        }  # fmt: skip
        future = self._runner.submit(remote_shard, parameters)
        finished: Finished = await asyncio.to_thread(future.result)
        return finished


@contextmanager
def ray_shards(night: Night, address: str) -> Iterator[RayShards]:
    """Connect to a Ray cluster for as long as a night asks.

    Args:
        night: The night.
        address: `ray://host:10001`, `auto`, or `local`.

    Raises:
        OrchestratorError: `prefect-ray` is not installed, or the cluster cannot be reached.
        RecipeError: The recipe has what only one process can do.
    """
    _refuse(night.recipe)
    try:
        from prefect_ray import RayTaskRunner
    except ImportError as error:
        raise _not_installed(address, error) from error
    try:
        runner = RayTaskRunner(None if address == LOCAL else address).__enter__()
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise OrchestratorError(f"the Ray cluster at {address} cannot be reached: {error}") from error
    try:
        yield RayShards(runner, night)
    finally:
        runner.__exit__(None, None, None)


def spread_of(ray: str | None) -> Spread:
    """Return where work on many rows runs: on the Ray cluster `ray`, or in processes of this machine."""
    return in_processes if ray is None else on_ray(ray)


def on_ray(address: str) -> Spread:
    """Return what calls a function on a Ray cluster, once for each tuple of arguments; a single call stays here.

    Args:
        address: `ray://host:10001`, `auto`, or `local`.

    Raises:
        OrchestratorError: When it is called: Ray is not installed, or the cluster cannot be reached.
    """

    def spread(work: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
        if len(arguments) < 2:
            yield from here(work, arguments)
            return
        try:
            import ray
        except ImportError as error:
            raise _not_installed(address, error) from error
        try:
            cluster = ray.init(None if address == LOCAL else address)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise OrchestratorError(f"the Ray cluster at {address} cannot be reached: {error}") from error
        with cluster:
            remote = ray.remote(work)
            yield from map(ray.get, [remote.remote(*given) for given in arguments])

    return spread


def _not_installed(address: str, error: ImportError) -> OrchestratorError:
    return OrchestratorError(
        f"shards on Ray (ray: {address}) need prefect-ray, which is not installed ({error}): "
        "pip install --constraint constraints.txt --editable '.[ray]'"
    )


def _refuse(recipe: Recipe) -> None:
    for name in ("calls", "tokens", "cost"):
        if getattr(recipe.budget, name) is not None:
            raise RecipeError(
                f"budget.{name} cannot be kept by shards on Ray, which count apart; leave it out, or run without `ray`"
            )
    for role, spec in recipe.models.items():
        if spec.engine != "solver" and not spec.endpoints:
            raise RecipeError(
                f"models.{role} would be started by every shard on Ray; give it an `endpoint`, or run without `ray`"
            )
