"""The flow `nightly`: problems -> attempts -> samples -> verdicts -> a release. A task is a shard of attempts.

Whatever happens, the same command again goes on where it stopped: finished calls are in the ledger, committed shards in
the lake, and every commit has an idempotency key.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from filters.night.curate import Curator
from filters.night.rescan import rescan
from filters.night.reviews import Applied, apply_reviews
from flows.night.credentials import check_credentials
from flows.night.dates import logical_date, scheduled_date, too_late
from flows.night.due import due_by_the_lake
from flows.night.night import Night, code_version, open_night
from flows.night.night_asker import ask_for_filters
from flows.night.pinning import pin
from flows.night.ray_shards import spread_of
from flows.night.synthesis import Synthesis, synthesise
from flows.recipe.recipe import Recipe
from flows.report import reported
from flows.report.progress import Progress
from flows.service.assets import release_made
from flows.service.deployed import load_deployed
from flows.service.events import emit_release
from flows.service.failing import failed
from flows.service.runs import recorded
from storage.catalog.leases import Lease, in_turn
from storage.errors import NightschoolError
from storage.lake import nights
from storage.releases.making import create_release
from storage.releases.reading import Release
from storage.workspace import Workspace
from synth.night.draw import LeftOut, draw_night, hold_out, left_out_sentences, plan_attempts
from synth.sample import problem_row

WAIT_S = 6 * 3600.0
"""How long a night waits for another one that is alive to draw or to decide."""


@flow(name="nightly", validate_parameters=True)
async def nightly(
    recipe: str,
    date: str | None = None,
    workspace: str | None = None,
    settings: list[str] | None = None,
    repin: bool = False,
    quiet: bool = False,
    timezone: str = "UTC",
    cron: str | None = None,
    catch_up: int = 0,
    resume: bool = False,
    ray: str | None = None,
) -> dict[str, Any]:
    """Write, check and release one night's data; on a schedule, also the nights that an outage left out or interrupted.

    Args:
        recipe: Path of the recipe.
        date: Logical date, YYYY-MM-DD; None takes the day this run was scheduled for.
        workspace: Folder; None takes the default.
        settings: `key.path=value` overrides of the recipe.
        repin: Go on although something has changed since the night's first start.
        quiet: Show no progress.
        timezone: Where the schedule's days begin.
        cron: The schedule that this run is one of, which tells the date of one whose time does not exist that day.
        catch_up: Without a date: how many days back nights are made up for. A run that is itself later than this does
            nothing, so that what piled up during a long outage is not worked off.
        resume: Begin no night: go on with those that were begun in the last `catch_up` days and have not ended, unless they
            stopped for a reason that only a person can mend.
        ray: Where shards run: `ray://host:10001`, `auto`, or `local` for a cluster of this machine; None runs them in this
            process. Needs prefect-ray.
    """
    loaded, progress = load_deployed(recipe, settings or [], workspace, ray), Progress(quiet=quiet)
    opened = Workspace.create(Path(workspace) if workspace else Workspace.default_root())
    day = await scheduled_date(date, timezone, cron)
    with recorded(opened, f"{'resume' if resume else 'nightly'} {day}", f"{day}/{loaded.name}"):
        try:
            if date is not None:
                return await run_night(loaded, day, opened, progress, repin=repin, ray=ray)
            today = logical_date(None, timezone, datetime.now(UTC))
            if too_late(day, catch_up, today) and catch_up:
                progress.say(f"night {day} was due more than {catch_up} days ago (catch_up); nothing to do")
                return {"night": f"{day}/{loaded.name}", "skipped": f"due more than {catch_up} days ago"}
            due = due_by_the_lake(loaded, day, opened, catch_up)
            if resume:
                return {"resumed": await _make_up(loaded, due.interrupted, opened, progress, ray)}
            caught = await _make_up(loaded, due.nights[:-1], opened, progress, ray)
            summary = await run_night(loaded, day, opened, progress, repin=repin, ray=ray)
            return {**summary, "caught_up": caught} if caught else summary
        except NightschoolError as error:
            return failed(error, loaded, day, opened)


async def _make_up(
    recipe: Recipe, due: list[str], workspace: Workspace, progress: Progress, ray: str | None
) -> dict[str, str]:
    """Run nights that are late, oldest first. One that cannot be finished does not hold up the others."""
    outcomes: dict[str, str] = {}
    for date in due:
        progress.say(f"night {date} was left out or interrupted; making up for it")
        try:
            outcomes[date] = str((await run_night(recipe, date, workspace, progress, ray=ray))["release"])
        except NightschoolError as error:
            outcomes[date] = f"not finished: {error}"
            progress.say(f"night {date} is not finished: {error}")
    return outcomes


async def run_night(
    recipe: Recipe, date: str, workspace: Workspace, progress: Progress, *, repin: bool = False, ray: str | None = None
) -> dict[str, Any]:
    """Run or finish one night and return its figures; a finished one is only looked up.

    Raises:
        PinError: The night was started with something else.
        ModelServerError: A model cannot be reached; run the same command again to go on.
        BudgetError: Too many attempts failed.
    """
    with (
        open_night(recipe, date, workspace, progress) as night,
        reported(night.lake, night.id, progress),
        stop_noted(night) as run_id,
    ):
        pin(night, repin=repin)
        done = nights.finished(night.lake, run_id)
        if done is not None:
            progress.say(f"night {night.id} is finished; nothing to do")
            return {**done, "again": True}
        night.check()
        if not night.lake.has(f"curate:{night.id}"):
            check_credentials(recipe)
        curator, synthesis = await make_rows(night, ray)
        await ask_for_filters(night, curator)
        curate(night, curator)
        made_release = release(night)
        summary = _summary(night, synthesis, made_release)
        nights.finish(night.lake, run_id, night.id, recipe.name, summary)
        if made_release is not None:
            emit_release(made_release.id, made_release.rows)
            release_made(night, made_release)
        return summary


async def make_rows(night: Night, ray: str | None) -> tuple[Curator, Synthesis]:
    """Plan and synthesise; where the recipe says `until`, round after round, till enough rows would be accepted.

    No further round is begun either when the sources have nothing left, when the budget or the clock has ended an attempt, or
    after the last round that the recipe allows. A resumed night goes on with the round that it was in.
    """
    until, number = night.recipe.problems.until, 0
    while True:
        plan(night, number)
        if number == 0:
            scan_history(night, ray)
        curator = make_curator(night, ray)
        synthesis = await synthesise(night, curator, ray)
        if synthesis.failures:
            night.progress.say(synthesis.failures)
        if until is None or night.lake.has(f"curate:{night.id}"):
            return curator, synthesis
        accepted = curator.count_accepted()
        night.progress.say(f"round {number + 1}: {accepted:,} rows would be accepted of {until.accepted:,} wanted")
        ended = not nights.planned_in(night.lake, night.id, number) or nights.stopped_by_budget(night.lake, night.id)
        if accepted >= until.accepted or ended or number + 1 >= until.rounds:
            return curator, synthesis
        number += 1


def one_at_a_time(night: Night, step: str) -> AbstractContextManager[Lease]:
    """Hold the lease of a step that looks at all nights (drawing, deciding) and must see what the others have committed."""
    return in_turn(
        night.lake.catalog, step, purpose=f"{step} of night {night.id}", wait_s=WAIT_S, say=night.progress.say
    )


@contextmanager
def stop_noted(night: Night) -> Iterator[str]:
    """Keep in the lake why a night stopped; gives the id of its run. On a full disk that cannot be kept either."""
    run_id = f"night/{night.id}"
    try:
        yield run_id
    except NightschoolError as error:
        with suppress(NightschoolError):
            nights.stop(night.lake, run_id, night.id, night.recipe.name, type(error).__name__, str(error))
        raise


def _summary(night: Night, synthesis: Synthesis, made_release: Release | None) -> dict[str, Any]:
    return {
        "night": night.id,
        "funnel": nights.funnel(night.lake, night.id),
        "reasons": nights.reasons(night.lake, night.id),
        "sources": nights.drawn(night.lake, night.id),
        "until": night.recipe.problems.until.accepted if night.recipe.problems.until else None,
        "tokens": nights.tokens(night.lake, night.id),
        "costs": nights.costs(night.lake, night.id),
        "currency": night.recipe.currency,
        "accepted_words": nights.accepted_words(night.lake, night.id),
        "release": made_release.id if made_release else None,
        "release_rows": made_release.rows if made_release else 0,
        "student": night.student.id if night.student else None,
        "budget": synthesis.budget,
        "failures": synthesis.failures,
        "seconds": {name: round(seconds, 1) for name, seconds in night.progress.seconds.items()},
    }


@task(name="plan", task_run_name="plan", cache_policy=NO_CACHE, persist_result=False)
def plan(night: Night, round_number: int = 0) -> None:
    """Draw held-out sets first, then a round of the night's problems, and commit the attempts to make on them."""
    if night.lake.has(nights.plan_key(night.id, round_number)):
        return
    recipe = night.recipe
    with night.progress.stage("problems") as stage, one_at_a_time(night, "draw") as lease:
        draws = night.draws
        for draw in draws:
            missing = hold_out(night.lake, draw, night=night.id, seed=recipe.problems.seed, lease=lease)
            if missing:
                night.progress.say(
                    f"source {draw.name}: {missing:,} held-out problems fewer than asked for; tests are weaker"
                )
        left_out: list[LeftOut] = []
        before = nights.problem_rows(night.lake, night=night.id) if round_number else []
        shards = [row["shard"] for row in nights.planned_attempts(night.lake, night.id)] if round_number else []
        drawn = draw_night(
            night.lake,
            draws,
            night=night.id,
            seed=recipe.problems.seed,
            fresh=recipe.problems.fresh,
            drop=left_out.append,
            round_number=round_number,
            exclude=frozenset(row["structure_id"] for row in before),
        )
        if round_number:  # a file is read from its beginning each time
            told = nights.left_out(night.lake, night.id)
            left_out = [row for row in left_out if (row.source, row.dropped.line) not in told]
        for sentence in left_out_sentences(left_out):
            night.progress.say(sentence)
        members = [problem for problems in drawn.values() for problem in problems]
        stage.advance(len(members))
        night.check_formats({problem.task for problem in members})
        first_shard = max(shards, default=-1) + 1
        attempts = plan_attempts(night.assignments, drawn, night=night.id, shard=recipe.shard, first_shard=first_shard)
        nights.commit_plan(
            night.lake,
            night.id,
            [problem_row(problem, split="train", night=night.id) for problem in members],
            [attempt.row("planned") for attempt in attempts],
            [row.row(night.id) for row in left_out],
            round_number,
            [{"source": draw.name, "problems": len(drawn[draw.name]), "wanted": draw.limit} for draw in draws],
            lease,
        )


@task(name="scan history", task_run_name="scan history", cache_policy=NO_CACHE, persist_result=False)
def scan_history(night: Night, ray: str | None = None) -> int:
    """Look for the benchmarks in every row accepted so far, once per manifest: one that grew takes rows back."""

    def on_done(done: int, parts: int) -> None:
        if parts > 1:
            night.progress.say(f"benchmarks: {done:,} of {parts:,} parts of history scanned")

    if not night.benchmarks.benchmarks:
        return 0
    options = night.recipe.filters.get("decontamination")
    rejected = rescan(night.lake, night.benchmarks, options, spread=spread_of(ray), on_done=on_done)
    if rejected:
        night.progress.say(
            f"benchmarks: {rejected:,} rows of earlier nights hold an item of the manifest; they leave the release"
        )
    return rejected


def make_curator(night: Night, ray: str | None = None) -> Curator:
    """Make the night's curator: the recipe's rules, the benchmarks, the held-out items, the history.

    What it shares out of a large night runs on the Ray cluster `ray`, or in processes of this machine.
    """
    student = night.identity_of("student")
    return Curator(night.lake, night.id, night.rules, manifest=night.benchmarks, student=student, spread=spread_of(ray))


@task(name="curate", task_run_name="curate", cache_policy=NO_CACHE, persist_result=False)
def curate(night: Night, curator: Curator) -> None:
    """Judge what needs the whole night (duplicates), and let the policy decide, in a stable order of ids."""
    with night.progress.stage("curation"), one_at_a_time(night, "decision") as lease:
        curator.decide_night(lease)
        let_people_decide(night, lease)
        curator.stop_on_alarms()


def let_people_decide(night: Night, lease: Lease) -> Applied:
    """Let the reviews of the recipe's nights take effect, as its policies say, under the lease of deciding."""
    applied = apply_reviews(night.lake, night.recipe.name, night.rules.policies, lease)
    if applied.entered or applied.left:
        night.progress.say(f"reviews: {applied.entered:,} rows come in, {applied.left:,} leave")
    if applied.waiting:
        night.progress.say(f"reviews: {applied.waiting:,} rows wait for somebody to accept them")
    return applied


@task(name="release", task_run_name="release", cache_policy=NO_CACHE, persist_result=False)
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
            mixed_formats=night.recipe.mixed_formats,
        )
