"""The flow `nightly`: problems -> attempts -> samples -> verdicts -> a release. A task is a shard of attempts.

Whatever happens, the same command again goes on where it stopped: finished calls are in the ledger, committed shards in
the lake, and every commit has an idempotency key.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from filters.curate import Curator
from filters.rescan import rescan
from flows.events import emit_release
from flows.night import Night, check_date, code_version, open_night
from flows.progress import Progress, Stage
from flows.recipe import Recipe, load_recipe
from storage import nights
from storage.errors import NightschoolError
from storage.ids import digest
from storage.published import adopt, publish
from storage.releases import Release, create_release
from storage.workspace import Workspace
from synth.ask import Asker
from synth.draw import attempt_row, draw_problems, find_attempts, hold_out, plan_attempts
from synth.runner import Attempt, Finished, run_attempts
from synth.sample import problem_of, problem_row

COMMIT_ROWS = 5000
"""Rows per commit: smaller ones make thousands of files."""
COMMIT_S = 180.0
"""Seconds after which rows are committed all the same, so that little has to be judged again after a crash."""
AHEAD = 2
"""Shards at work at once, so that a model server does not run empty while a shard ends."""


@flow(name="nightly", validate_parameters=True)
async def nightly(
    recipe: str,
    date: str | None = None,
    workspace: str | None = None,
    settings: list[str] | None = None,
    repin: bool = False,
    quiet: bool = False,
) -> dict[str, Any]:
    """Write, check and release one night's data.

    Args:
        recipe: Path of the recipe.
        date: Logical date, YYYY-MM-DD; None takes today's (UTC).
        workspace: Folder; None takes the default.
        settings: `key.path=value` overrides of the recipe.
        repin: Go on although something has changed since the night's first start.
        quiet: Show no progress.
    """
    day = check_date(date or datetime.now(UTC).date().isoformat())
    place = Workspace.create(Path(workspace) if workspace else Workspace.default_root())
    return await run_night(load_recipe(Path(recipe), settings or []), day, place, Progress(quiet=quiet), repin=repin)


async def run_night(
    recipe: Recipe, date: str, workspace: Workspace, progress: Progress, *, repin: bool = False
) -> dict[str, Any]:
    """Run or finish one night and return its figures; a finished one is only looked up.

    Raises:
        PinError: The night was started with something else.
        ModelServerError: A model cannot be reached; run the same command again to go on.
    """
    with open_night(recipe, date, workspace, progress) as night:
        night.pin(again=repin)
        run_id = f"night/{night.id}"
        done = nights.finished(night.lake, run_id)
        if done is not None:
            progress.say(f"night {night.id} is finished; nothing to do")
            return {**done, "again": True}
        plan(night)
        scan_history(night)
        stopped = await synthesise(night)
        curate(night)
        made = release(night)
        summary = {
            "night": night.id,
            "funnel": nights.funnel(night.lake, night.id),
            "reasons": nights.reasons(night.lake, night.id),
            "tokens": nights.tokens(night.lake, night.id),
            "costs": nights.costs(night.lake, night.id),
            "release": made.id if made else None,
            "release_rows": made.rows if made else 0,
            "student": night.student.id if night.student else None,
            "budget": stopped,
            "seconds": {name: round(seconds, 1) for name, seconds in progress.seconds.items()},
        }
        nights.finish(night.lake, run_id, night.id, recipe.name, summary)
        if made is not None:
            emit_release(made.id, made.rows)
        return summary


@task(name="plan", cache_policy=NO_CACHE, persist_result=False)
def plan(night: Night) -> None:
    """Draw held-out sets first, then the night's problems, and commit the attempts to make on them."""
    if night.lake.has(f"plan:{night.id}"):
        return
    recipe = night.recipe
    with night.progress.stage("problems") as stage, night.workspace.lock("draw"):
        draws = night.draws
        for draw in draws:
            hold_out(night.lake, draw, night=night.id, seed=recipe.problems.seed)
        drawn = {}
        taken: set[str] = set()
        for draw in draws:
            members = draw_problems(
                night.lake, draw, night=night.id, seed=recipe.problems.seed, fresh=recipe.problems.fresh, taken=taken
            )
            taken |= {problem.structure_id for problem in members}
            drawn[draw.name] = members
            stage.advance(len(members))
        attempts = plan_attempts(night.assignments, drawn, night=night.id, shard=recipe.shard)
        problems = [
            problem_row(problem, split="train", night=night.id) for members in drawn.values() for problem in members
        ]
        nights.commit_plan(night.lake, night.id, problems, [attempt_row(attempt) for attempt in attempts])


@task(name="scan history", cache_policy=NO_CACHE, persist_result=False)
def scan_history(night: Night) -> int:
    """Look for the benchmarks in every row accepted so far, once per manifest: one that grew takes rows back."""
    if not night.recipe.benchmarks:
        return 0
    rejected = rescan(night.lake, night.benchmarks, night.recipe.filters.get("decontamination"))
    if rejected:
        night.progress.say(
            f"benchmarks: {rejected:,} rows of earlier nights hold an item of the manifest; they leave the release"
        )
    return rejected


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


async def synthesise(night: Night) -> str | None:
    """Make the attempts that are still open, commit them with their row-local verdicts, and publish the calls.

    Returns:
        The budget's sentence when it stopped some attempts.
    """
    rows = nights.open_attempts(night.lake, night.id)
    problems = [problem_of(row) for row in nights.problem_rows(night.lake, night=night.id)]
    attempts = find_attempts(night.assignments, problems, rows)
    shards = [(number, list(members)) for number, members in groupby(attempts, key=lambda attempt: attempt.shard)]
    buffer, slots, stopped = _Buffer(), asyncio.Semaphore(AHEAD), None
    failed: BaseException | None = None
    curator = make_curator(night)
    asker = night.asker()
    if attempts:
        adopt(night.ledger, night.lake, {engine.model for engine in asker.engines.values()})
    with night.progress.stage("attempts", len(attempts)) as stage:

        async def work(number: int, members: list[Attempt]) -> None:
            nonlocal buffer, stopped, failed
            async with slots:
                if failed is not None:
                    return
                try:
                    finished = await shard(members, asker, stage)
                except Exception as error:  # what is finished is committed first, then this is raised
                    failed = failed or error
                    return
                stopped = stopped or finished.budget
                buffer.add(number, finished)
                if buffer.due:
                    full, buffer = buffer, _Buffer()
                    await asyncio.to_thread(_commit, night, curator, full)

        try:
            await asyncio.gather(*(work(*item) for item in shards))
        finally:
            for engine in {id(engine): engine for engine in asker.engines.values()}.values():
                await engine.close()
            try:
                _commit(night, curator, buffer)
                publish(night.ledger, night.lake, night.id)
            except NightschoolError as error:  # on a full disk this fails too; the first words are the ones to read
                failed = failed or error
    if failed is not None:
        raise failed
    return stopped


@task(name="shard", cache_policy=NO_CACHE, persist_result=False)
async def shard(attempts: Sequence[Attempt], asker: Asker, stage: Stage) -> Finished:
    """Run one shard of attempts."""
    return await run_attempts(attempts, asker, on_done=stage.advance)


def _commit(night: Night, curator: Curator, buffer: _Buffer) -> None:
    """Commit finished shards with the verdicts of the row-local filters."""
    if not buffer.shards:
        return
    samples = pa.concat_tables([finished.samples for finished in buffer.finished])
    tables = {
        "attempts": pa.concat_tables([finished.attempts for finished in buffer.finished]),
        "samples": samples,
        "verdicts": curator.observe_rows(samples),
    }
    key = f"samples:{night.id}:{digest(sorted(buffer.shards))}"
    publish(night.ledger, night.lake, night.id)
    night.lake.commit(key, "samples", tables, night=night.id)


def make_curator(night: Night) -> Curator:
    """Make the night's curator: filters with the recipe's options, the benchmarks, the held-out items, the history."""
    return Curator(
        night.lake,
        night.id,
        manifest=night.benchmarks,
        options=night.recipe.filters,
        policy=night.recipe.policy,
        observed=night.observed(),
        student=night.identity_of("student"),
        alarms=night.recipe.alarms,
    )


@task(name="curate", cache_policy=NO_CACHE, persist_result=False)
def curate(night: Night) -> None:
    """Judge what needs the whole night (duplicates), and let the policy decide, in a stable order of ids."""
    with night.progress.stage("curation"):
        curator = make_curator(night)
        curator.decide_night()
        curator.stop_on_alarms()


@task(name="release", cache_policy=NO_CACHE, persist_result=False)
def release(night: Night) -> Release | None:
    """Name the rows that are accepted now, and export them."""
    with night.progress.stage("release"):
        extra: Mapping[str, Any] = {
            "recipe": {"name": night.recipe.name, "digest": night.recipe.digest},
            "benchmarks": night.benchmarks.to_json(),
            "code": code_version(),
        }
        return create_release(
            night.lake,
            night.recipe.dataset,
            night=night.id,
            condition=night.recipe.condition,
            extra=extra,
            key=f"release:{night.id}",
        )
