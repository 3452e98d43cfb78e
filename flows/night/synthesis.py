"""Synthesis: the night's open attempts, in shards, committed as they finish. A Prefect task is a shard."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby

import pyarrow as pa
from prefect import task
from prefect.cache_policies import NO_CACHE

from filters.night.curate import Curator
from flows.night.accelerator import Accelerator, needs_accelerator
from flows.night.failures import Failures
from flows.night.night import Night
from flows.night.preparing import prepare
from flows.report.artifacts import progress_artifact
from flows.report.progress import Stage
from storage.errors import NightschoolError
from storage.ids import digest
from storage.lake import nights
from storage.ledger.published import adopt, publish
from synth.calls.ask import Asker
from synth.night.draw import find_attempts
from synth.night.lengths import with_tokens
from synth.night.runner import Attempt, Finished, pool_size, run_attempts
from synth.sample import problem_of

COMMIT_ROWS = 5000
"""Rows per commit: smaller ones make thousands of files."""
COMMIT_S = 180.0
"""Seconds after which rows are committed all the same, so that little has to be judged again after a crash."""
RAY_AHEAD = 1000
"""Shards that Ray is given at once; it runs as many as it has room for."""

RunShard = Callable[[int, Sequence[Attempt]], Awaitable[Finished]]


@dataclass(frozen=True, slots=True)
class Synthesis:
    """What became of a night's synthesis.

    Attributes:
        budget: The budget's sentence when it stopped some attempts.
        failures: What failed, in a sentence; None when nothing did.
    """

    budget: str | None
    failures: str | None


@dataclass
class _Buffer:
    """Finished shards that wait for a commit."""

    finished: list[Finished] = field(default_factory=list)
    shards: list[int] = field(default_factory=list)
    rows: int = 0
    since: float = field(default_factory=time.monotonic)

    def add(self, shard: int, finished: Finished) -> None:
        self.finished.append(finished)
        self.shards.append(shard)
        self.rows += finished.samples.num_rows

    @property
    def due(self) -> bool:
        return self.rows >= COMMIT_ROWS or time.monotonic() - self.since > COMMIT_S


class Room:
    """Lets the next shard begin before the engines could run empty: as soon as fewer attempts are open than keep them full.

    Args:
        wanted: Attempts that keep every engine full.
    """

    def __init__(self, wanted: int) -> None:
        self._wanted, self._open = wanted, 0
        self._changed = asyncio.Event()

    async def enter(self, attempts: int) -> None:
        """Return when there is room; so many attempts are open then in addition."""
        while self._open >= self._wanted:
            self._changed.clear()
            await self._changed.wait()
        self._open += attempts

    def leave(self, attempts: int) -> None:
        """So many are no longer open."""
        self._open -= attempts
        self._changed.set()


async def synthesise(night: Night, curator: Curator, ray: str | None = None) -> Synthesis:
    """Make the attempts that are still open, commit them with their row-local verdicts, and publish the calls.

    Args:
        night: The night.
        curator: Its curator.
        ray: Address of the Ray cluster that runs the shards; None runs them in this process.

    Raises:
        ModelServerError: A model cannot be reached; what was finished is committed first.
        BudgetError: Too many attempts failed; what was finished is committed first.
        PinError: What a method had prepared was taken down.
    """
    rows = nights.open_attempts(night.lake, night.id)
    problems = [problem_of(row) for row in nights.problem_rows(night.lake, night=night.id)]
    attempts = find_attempts(await prepare(night) if rows else night.assignments, problems, rows)
    work = _Work(night, curator, night.asker(), Failures(night.recipe.budget.failures, len(attempts)))
    if attempts:
        adopt(night.ledger, night.lake, {engine.model for engine in work.asker.engines.values()})
    if ray is None or not attempts:
        await work.run(attempts)
    else:
        from flows.night.ray_shards import ray_shards

        with ray_shards(night, ray) as cluster:
            await work.run(attempts, cluster.run)
    return Synthesis(work.budget, work.failures.sentence())


class _Work:
    """The shards at work. After an error no further one begins; what is finished is committed, then it is raised."""

    def __init__(self, night: Night, curator: Curator, asker: Asker, failures: Failures) -> None:
        self.night, self.curator, self.asker, self.failures = night, curator, asker, failures
        self.budget: str | None = None
        self._buffer = _Buffer()
        self._failed: BaseException | None = None
        self._elsewhere: RunShard | None = None
        self._room = Room(pool_size(asker))

    async def run(self, attempts: Sequence[Attempt], elsewhere: RunShard | None = None) -> None:
        """Run every shard, in this process or where `elsewhere` runs them."""
        if elsewhere is not None:
            self._elsewhere, self._room = elsewhere, Room(RAY_AHEAD)
        shards = [(number, list(members)) for number, members in groupby(attempts, key=lambda attempt: attempt.shard)]
        needed, progress = bool(attempts) and needs_accelerator(self.night.recipe), self.night.progress
        async with Accelerator(self.night.workspace, progress, needed=needed):
            with progress.stage("attempts", len(attempts)) as stage, progress_artifact(stage, progress):
                try:
                    async with asyncio.TaskGroup() as group:
                        for number, members in shards:
                            await self._room.enter(self._size(members))
                            if self._failed is not None:
                                break
                            group.create_task(self._shard(number, members, stage))
                finally:
                    await self._finish()
            if self._failed is not None:
                raise self._failed

    async def _finish(self) -> None:
        """Close the engines, commit what is finished, and publish the calls."""
        await self.asker.close()
        try:
            self._commit(self._buffer)
            publish(self.night.ledger, self.night.lake, self.night.id)
        except NightschoolError as error:  # on a full disk this fails too; the first error is the one to read
            self._failed = self._failed or error

    def _size(self, members: Sequence[Attempt]) -> int:
        return len(members) if self._elsewhere is None else 1

    async def _shard(self, number: int, members: list[Attempt], stage: Stage) -> None:
        open_now = self._size(members)

        def on_done(count: int) -> None:
            nonlocal open_now
            open_now -= count
            self._room.leave(count)
            stage.advance(count)

        try:
            if self._elsewhere is None:
                finished = await shard(number, partial(run_attempts, members, self.asker, on_done=on_done))
            else:
                finished = await self._elsewhere(number, members)
                stage.advance(len(members))
            self.budget = self.budget or finished.budget
            self._buffer.add(number, finished)
            if self._buffer.due:
                full, self._buffer = self._buffer, _Buffer()
                await asyncio.to_thread(self._commit, full)
            self.failures.count(finished.attempts)
            self.failures.check()
        except Exception as error:  # what is finished is committed first, then this is raised
            self._failed = self._failed or error
        finally:
            self._room.leave(open_now)

    def _commit(self, buffer: _Buffer) -> None:
        """Commit finished shards with the verdicts of the row-local filters."""
        if not buffer.shards:
            return
        night = self.night
        learner = night.student.path if night.student is not None else None
        samples = with_tokens(pa.concat_tables([finished.samples for finished in buffer.finished]), learner)
        tables = {
            "attempts": pa.concat_tables([finished.attempts for finished in buffer.finished]),
            "samples": samples,
            "evidence": pa.concat_tables([finished.evidence for finished in buffer.finished]),
            "verdicts": self.curator.observe_rows(samples),
        }
        key = f"samples:{night.id}:{digest(sorted(buffer.shards))}"
        publish(night.ledger, night.lake, night.id)
        night.lake.commit(key, "samples", tables, night=night.id)


@task(name="shard", task_run_name="shard {number}", cache_policy=NO_CACHE, persist_result=False)
async def shard(number: int, work: Callable[[], Awaitable[Finished]]) -> Finished:
    """Run one shard of attempts: `work`, a function, as Prefect would walk through attempts three times to look for futures."""
    return await work()
