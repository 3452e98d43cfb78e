"""The flow `nightly`: problems -> attempts -> samples -> verdicts -> a release. A task is a shard of attempts.

Whatever happens, the same command again goes on where it stopped: finished calls are in the ledger, committed shards in
the lake, and every commit has an idempotency key.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from filters.curate import Curator
from filters.rescan import rescan
from flows.dates import due_nights, logical_date, too_late
from flows.events import emit_release
from flows.judging import judge
from flows.night import Night, code_version, open_night
from flows.progress import Progress
from flows.recipe import Recipe, load_recipe
from flows.report import reported
from flows.runs import recorded
from flows.synthesis import Synthesis, synthesise
from storage import nights
from storage.errors import NightschoolError
from storage.lake import Lake
from storage.releases import Release, create_release
from storage.workspace import Workspace
from synth.draw import attempt_row, draw_problems, hold_out, plan_attempts
from synth.sample import problem_row


@flow(name="nightly", validate_parameters=True)
async def nightly(
    recipe: str,
    date: str | None = None,
    workspace: str | None = None,
    settings: list[str] | None = None,
    repin: bool = False,
    quiet: bool = False,
    timezone: str = "UTC",
    catch_up: int = 0,
) -> dict[str, Any]:
    """Write, check and release one night's data; on a schedule, also the nights that an outage left out.

    Args:
        recipe: Path of the recipe.
        date: Logical date, YYYY-MM-DD; None takes the day this run was scheduled for.
        workspace: Folder; None takes the default.
        settings: `key.path=value` overrides of the recipe.
        repin: Go on although something has changed since the night's first start.
        quiet: Show no progress.
        timezone: Where the schedule's days begin.
        catch_up: Without a date: how many days back nights are made up for. A run that is itself later than this does
            nothing, so that what piled up during a long outage is not worked off.
    """
    place = Workspace.create(Path(workspace) if workspace else Workspace.default_root())
    loaded, progress = load_recipe(Path(recipe), settings or []), Progress(quiet=quiet)
    day = logical_date(date, timezone)
    with recorded(place, f"nightly {day}"):
        if date is not None:
            return await run_night(loaded, day, place, progress, repin=repin)
        today = logical_date(None, timezone, datetime.now(UTC))
        if too_late(day, catch_up, today) and catch_up:
            progress.say(f"night {day} was due more than {catch_up} days ago (catch_up); nothing to do")
            return {"night": f"{day}/{loaded.name}", "skipped": f"due more than {catch_up} days ago"}
        return await _run_due(loaded, day, place, progress, catch_up, repin=repin)


async def _run_due(
    recipe: Recipe, day: str, workspace: Workspace, progress: Progress, catch_up: int, *, repin: bool
) -> dict[str, Any]:
    """Run what is due up to a day, oldest first. An earlier night that cannot be finished does not hold up the others."""
    with Lake(workspace) as lake:
        due = due_nights(nights.finished_dates(lake, recipe.name), day, catch_up)
    caught: dict[str, str] = {}
    for one in due[:-1]:
        progress.say(f"night {one} was left out; making up for it")
        try:
            caught[one] = str((await run_night(recipe, one, workspace, progress))["release"])
        except NightschoolError as error:
            caught[one] = f"not finished: {error}"
            progress.say(f"night {one} is not finished: {error}")
    summary = await run_night(recipe, day, workspace, progress, repin=repin)
    return {**summary, "caught_up": caught} if caught else summary


async def run_night(
    recipe: Recipe, date: str, workspace: Workspace, progress: Progress, *, repin: bool = False
) -> dict[str, Any]:
    """Run or finish one night and return its figures; a finished one is only looked up.

    Raises:
        PinError: The night was started with something else.
        ModelServerError: A model cannot be reached; run the same command again to go on.
        BudgetError: Too many attempts failed.
    """
    with open_night(recipe, date, workspace, progress) as night, reported(night):
        night.pin(again=repin)
        run_id = f"night/{night.id}"
        done = nights.finished(night.lake, run_id)
        if done is not None:
            progress.say(f"night {night.id} is finished; nothing to do")
            return {**done, "again": True}
        plan(night)
        scan_history(night)
        curator = make_curator(night)
        synthesis = await synthesise(night, curator)
        if synthesis.failures:
            progress.say(synthesis.failures)
        await judge(night, curator)
        curate(night)
        summary = _summary(night, synthesis, release(night))
        nights.finish(night.lake, run_id, night.id, recipe.name, summary)
        if summary["release"] is not None:
            emit_release(summary["release"], summary["release_rows"])
        return summary


def _summary(night: Night, synthesis: Synthesis, made: Release | None) -> dict[str, Any]:
    return {
        "night": night.id,
        "funnel": nights.funnel(night.lake, night.id),
        "reasons": nights.reasons(night.lake, night.id),
        "tokens": nights.tokens(night.lake, night.id),
        "costs": nights.costs(night.lake, night.id),
        "accepted_tokens": nights.accepted_tokens(night.lake, night.id),
        "release": made.id if made else None,
        "release_rows": made.rows if made else 0,
        "student": night.student.id if night.student else None,
        "budget": synthesis.budget,
        "failures": synthesis.failures,
        "seconds": {name: round(seconds, 1) for name, seconds in night.progress.seconds.items()},
    }


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
    if not night.benchmarks.benchmarks:
        return 0
    rejected = rescan(night.lake, night.benchmarks, night.recipe.filters.get("decontamination"))
    if rejected:
        night.progress.say(
            f"benchmarks: {rejected:,} rows of earlier nights hold an item of the manifest; they leave the release"
        )
    return rejected


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
def release(night: Night, key: str | None = None) -> Release | None:
    """Name the rows that are accepted now, and export them, once per key."""
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
            key=key or f"release:{night.id}",
        )
