"""The flow `train`: when the data has changed enough, stages, evaluation, promotion. A task is a stage."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date as calendar_date
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.night.accelerator import Accelerator
from flows.night.dates import logical_date
from flows.night.exam import make_exam, make_examiner
from flows.night.night import Night, code_version, open_night
from flows.night.pinning import check_training, training_digests
from flows.night.reading import make_reader
from flows.night.trigger import decide
from flows.recipe.recipe import Recipe
from flows.recipe.train import TrainSpec
from flows.report import reported
from flows.report.progress import Progress, Stage
from flows.service.assets import checkpoint_made, student_promoted
from flows.service.deployed import load_deployed
from flows.service.failing import failed
from flows.service.runs import recorded
from storage.catalog.leases import acquire
from storage.errors import LeaseError, NightschoolError, TrainingError
from storage.lake import nights
from storage.lake.lake import Lake
from storage.models.checkpoints import Checkpoint, find_checkpoint
from storage.releases.changes import change_since_training
from storage.releases.reading import Release, get_release
from storage.workspace import Workspace
from train_stages.plan.run import StepResult, Training
from train_stages.plan.steps import Step
from train_stages.promotion.evaluate import Evaluation
from train_stages.promotion.examiner import Exam, Examiner, accuracy_rows
from train_stages.promotion.promote import Decision

LEASE = "training"
"""Lease that a training holds."""
WAIT_S = 24 * 3600.0
"""How long a training waits for another one that is alive."""


@flow(name="train", validate_parameters=True)
def train(
    recipe: str,
    date: str | None = None,
    workspace: str | None = None,
    settings: list[str] | None = None,
    quiet: bool = False,
    timezone: str = "UTC",
    repin: bool = False,
) -> dict[str, Any]:
    """Train on the latest release when it holds enough that is new, evaluate, and promote what is better.

    What to do is read from the lake, never from the event that woke this flow: a lost, late or doubled event is harmless.

    Args:
        recipe: Path of the recipe.
        date: Logical date, YYYY-MM-DD; None takes the day this run was scheduled for.
        workspace: Folder; None takes the default.
        settings: `key.path=value` overrides of the recipe.
        quiet: Show no progress.
        timezone: Where the schedule's days begin.
        repin: Go on although something has changed since the training's first start.
    """
    day = logical_date(date, timezone)
    loaded = load_deployed(recipe, settings or [], workspace)
    opened = Workspace.create(Path(workspace) if workspace else Workspace.default_root())
    if date is None:
        day = date_to_train(loaded, day, opened)
    with recorded(opened, f"train {day}", f"{day}/{loaded.name}"):
        try:
            return run_training(loaded, day, opened, Progress(quiet=quiet), train_again=date is None, repin=repin)
        except NightschoolError as error:
            return failed(error, loaded, day, opened)


def date_to_train(recipe: Recipe, day: str, workspace: Workspace) -> str:
    """Return the date under which a run of a day trains: yesterday's where its training was interrupted, else the day.

    So what a kill before midnight interrupted is gone on with, and its release is not trained on twice. Older ones are
    left: whatever keeps one from ending must not keep newer data from being learned.
    """
    yesterday = (calendar_date.fromisoformat(day) - timedelta(days=1)).isoformat()
    with Lake(workspace) as lake:
        waiting = nights.open_trainings(lake, recipe.name)
    return yesterday if yesterday in waiting and day not in waiting else day


def run_training(
    recipe: Recipe,
    date: str,
    workspace: Workspace,
    progress: Progress,
    *,
    train_again: bool = False,
    repin: bool = False,
) -> dict[str, Any]:
    """Run or finish the training of one night and return its figures; a finished one is only looked up.

    Args:
        recipe: The recipe.
        date: Logical date.
        workspace: Where everything is.
        progress: Where people look.
        train_again: Train once more under this date when the data has changed enough since; otherwise a date is trained once.
        repin: Go on although something has changed since the training's first start.

    Raises:
        PinError: Something has changed since its first start, and `repin` does not accept it.
        RecipeError: A key of the plan cannot be used.
        TrainingError: A stage cannot learn from the release.
        LeaseError: Another training held the lease for longer than this one waits, or took it over from this one.
    """
    if recipe.train is None or not recipe.train.plan:
        why = f"not trained: recipe {recipe.name} has no `train.plan`, which lists the stages of a training; nothing to do"
        progress.say(why)
        return {"night": f"{date}/{recipe.name}", "trained": False, "decision_to_train": why}
    with (
        open_night(recipe, date, workspace, progress, "training") as night,
        reported(night.lake, night.id, progress),
        one_training(night),
    ):
        run_id, before = _run_of(night, train_again=train_again)
        if before is not None and not train_again:
            progress.say(f"training {night.id} is finished; nothing to do")
            return {**before, "again": True}
        pinned = _pinned(night, recipe.train, run_id, repin=repin)
        if not pinned["train"]:
            progress.say(pinned["why"])
            figures = {"decision_to_train": pinned["why"], "change": pinned["change"]}
            return {**before, "again": True} if before else {"night": night.id, "trained": False, **figures}
        with Accelerator(workspace, progress):
            summary = _learn(night, recipe.train, pinned)
        nights.finish(night.lake, run_id, night.id, recipe.name, summary)
        return summary


def _pinned(night: Night, spec: TrainSpec, run_id: str, *, repin: bool) -> dict[str, Any]:
    """Return what a training was begun with; at its first start, decide whether to train, and pin what it is made with."""
    digests = training_digests(night, spec)
    pinned = nights.pinned(night.lake, run_id)
    if pinned is None:
        pinned = {**look(night, spec), "digests": digests}
        if pinned["train"]:
            nights.pin(night.lake, run_id, night.id, night.recipe.name, pinned)
    elif repin:
        pinned["digests"] = digests
        nights.pin(night.lake, run_id, night.id, night.recipe.name, pinned, repin=True)
    else:
        check_training(night, pinned.get("digests", digests), digests)
    return pinned


def _run_of(night: Night, *, train_again: bool) -> tuple[str, dict[str, Any] | None]:
    """Return the run to look at, and the figures of the last finished one of this night."""
    run_id, number = f"train/{night.id}", 1
    done = nights.finished(night.lake, run_id)
    last = done
    while train_again and done is not None:
        last, number = done, number + 1
        run_id = f"train/{night.id}/{number}"
        done = nights.finished(night.lake, run_id)
    return run_id, last


@contextmanager
def one_training(night: Night) -> Iterator[None]:
    """Hold the lease that only one training of a lake has at a time, on whatever machine; its token fences promotion.

    A holder that is dead is not waited for, nor one that has stopped renewing.
    """
    catalog, purpose, reported_waiting = night.lake.catalog, f"training {night.id}", False
    until = time.monotonic() + WAIT_S
    while True:
        try:
            lease = acquire(catalog, LEASE, purpose=purpose, wait_s=1.0)
            break
        except LeaseError as error:
            if time.monotonic() > until:
                raise
            if not reported_waiting:
                night.progress.say(f"waiting: {error}")
            reported_waiting = True
    with lease:
        night.lease = lease
        yield


def look(night: Night, spec: TrainSpec) -> dict[str, Any]:
    """Ask the lake whether to train, and on what, and keep the answer with its figures."""
    selections = [step.selection for step in spec.steps if step.rows and not step.drawn]
    change = change_since_training(night.lake, night.recipe.dataset, selections)
    decision = decide(change, spec.when)
    figures = {"train": decision.train, "why": decision.why, "change": change.to_json()}
    nights.record_decision(night.lake, f"train/{night.id}", night.id, night.recipe.name, figures)
    if decision.train:
        figures |= {"release": change.release, "incumbent": night.incumbent().id}
    return figures


def _learn(night: Night, spec: TrainSpec, pinned: Mapping[str, Any]) -> dict[str, Any]:
    release = get_release(night.lake, str(pinned["release"]))
    release.must_be_readable()
    incumbent = find_checkpoint(night.lake, str(pinned["incumbent"]))
    examiner = make_examiner(night, spec)
    exam = make_exam(night, spec)
    _check_judged(examiner, exam, spec.steps)
    candidate, stages, checked = _run_plan(night, spec.steps, release, incumbent, examiner)
    with night.progress.stage("evaluation"):
        before, after = evaluate_both(examiner, incumbent, candidate, exam)
        decision = promote(examiner, incumbent, candidate, exam, spec)
    made_by = next(line["stage"] for line in stages if line["checkpoint"] == candidate.id)
    student_promoted(night, release, made_by, candidate, decision)
    return {
        "night": night.id,
        "trained": True,
        "decision_to_train": pinned["why"],
        "change": pinned["change"],
        "release": release.id,
        "incumbent": incumbent.id,
        "candidate": candidate.id,
        "path": night.workspace.relative(candidate.path),
        "stages": stages,
        "loss_masks": {name: figures["one_row"] for name, figures in checked.items() if "one_row" in figures},
        "accuracy": accuracy_rows(before, after),
        "decision": decision.outcome,
        "reason": decision.reason,
        "seconds": {name: round(seconds, 1) for name, seconds in night.progress.seconds.items()},
    }


def _check_judged(examiner: Examiner, exam: Exam, steps: Sequence[Step]) -> None:
    """Refuse, before anything is trained, a training whose result could not be judged.

    Raises:
        TrainingError: There are no problems to decide a promotion by, or none to compare what RL made with what it started from.
    """
    if not exam.items:
        raise TrainingError("there are no heldout problems to decide a promotion by; give a source `heldout: 500`")
    if any(step.stage.asks for step in steps):
        examiner.held_out("validation")


def _run_plan(
    night: Night, steps: Sequence[Step], release: Release, incumbent: Checkpoint, examiner: Examiner
) -> tuple[Checkpoint, list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """Check every step, then run them in order; one that was run before with the same inputs is only looked up.

    Returns:
        The checkpoint of the last step that answers, a line for each step, and what its check found, by the step's name.
    """
    reader = make_reader(night, release)
    starts = {step.name: night.start_of(step.checkpoint) for step in steps if step.checkpoint is not None}
    models = partial(_models, night, incumbent)
    training = Training(reader, night.id, night.prompts.digests["solve"], code_version(), lambda *_: None)
    with night.progress.stage("preflight"):
        checks = {
            step.name: training.preflight(step, starts.get(step.name, incumbent), models(step, {})) for step in steps
        }
    kept: dict[str, Checkpoint] = {}
    lines = []
    for step in steps:
        parent = starts.get(step.name) or (kept[step.start] if step.start is not None else incumbent)
        with night.progress.stage(step.name) as stage:
            result = run_stage(replace(training, report=partial(_report, stage)), step, parent, models(step, kept))
            verdict = "kept"
            kept[step.name] = result.checkpoint
            if step.stage.asks:
                comparison = examiner.keep_better(parent, result.checkpoint)
                verdict = comparison.reason
                kept[step.name] = result.checkpoint if comparison.keep else parent
            checkpoint_made(night, release, step, result, parent)
        lines.append(
            {
                "stage": step.name,
                "kind": step.stage.name,
                "from": step.start or step.checkpoint or "incumbent",
                **{name: result.read[name] for name in ("rows", "problems")},
                **{name: result.metrics.get(name) for name in ("tokens", "steps", "loss", "cpu_seconds")},
                "trained": "now" if result.new else "before",
                "kept": verdict,
                "checkpoint": kept[step.name].id,
            }
        )
    candidate = next(step.name for step in reversed(steps) if step.stage.answers)
    return kept[candidate], lines, checks


def _models(night: Night, incumbent: Checkpoint, step: Step, made: Mapping[str, Checkpoint]) -> dict[str, Checkpoint]:
    """The further checkpoints that a step names; the incumbent stands for those that are not made yet."""
    return {
        name: night.start_of(origin.checkpoint) if origin.checkpoint else made.get(origin.step or "", incumbent)
        for name, origin in step.models.items()
    }


def _report(stage: Stage, _: str, done: int, total: int) -> None:
    stage.to(done, total)


@task(name="stage", task_run_name="{step.name}", cache_policy=NO_CACHE, persist_result=False)
def run_stage(training: Training, step: Step, parent: Checkpoint, models: Mapping[str, Checkpoint]) -> StepResult:
    """Run one step of the plan, or find what it made before."""
    return training.run(step, parent, models)


@task(name="evaluate", task_run_name="evaluate", cache_policy=NO_CACHE, persist_result=False)
def evaluate_both(
    examiner: Examiner, incumbent: Checkpoint, candidate: Checkpoint, exam: Exam
) -> tuple[Evaluation, Evaluation]:
    """Ask both models every problem of the promotion set."""
    return examiner.evaluate(incumbent, exam.items), examiner.evaluate(candidate, exam.items)


@task(name="promote", task_run_name="promote", cache_policy=NO_CACHE, persist_result=False)
def promote(examiner: Examiner, incumbent: Checkpoint, candidate: Checkpoint, exam: Exam, spec: TrainSpec) -> Decision:
    """Compare both on the same items, and promote the candidate only if it is better."""
    return examiner.promote(incumbent, candidate, exam, spec.promote)
