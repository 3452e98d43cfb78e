"""What flows make, as Prefect's assets: releases, checkpoints, and who the student is.

A materialisation names the asset's parents and says in figures what was made, so that Prefect's pages and automations of
one's own see it. Like our event it is a hint: the lake is the truth, and one that cannot be recorded is said aloud and
changes nothing. Nothing that was only looked up, on a resume, is recorded again.

    nightschool://problems/SOURCE    nightschool://release/DATASET    nightschool://checkpoint/RECIPE/STAGE    nightschool://student/RECIPE
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from flows.night.night import Night
from flows.report.progress import Progress
from flows.report.window import window_url
from storage.models.checkpoints import Checkpoint
from storage.releases.reading import Release
from train_stages.plan.run import StepResult
from train_stages.plan.steps import Step
from train_stages.promotion.promote import Decision

_LONGEST = 120
_NOT_IN_A_KEY = re.compile(r"[^A-Za-z0-9._~-]+")


def asset_key(kind: str, *names: str) -> str:
    """Return the key of an asset, `nightschool://release/reasoning`; what a key may not hold becomes `-`."""
    return "/".join([f"nightschool://{kind}", *(_NOT_IN_A_KEY.sub("-", name)[:_LONGEST] for name in names)])


def release_made(night: Night, release: Release) -> None:
    """Record the release that a night made, with the sources and the student behind its rows; one that was there is not new."""
    if release.manifest.get("night") != night.id:
        return
    parents = [asset_key("problems", source.name) for source in night.recipe.problems.sources]
    if night.student is not None:
        parents.append(asset_key("student", night.recipe.name))
    figures = {name: release.manifest.get(name) for name in ("night", "words", "by_method", "content_hash")}
    record(
        asset_key("release", release.name),
        f"release {release.name}",
        parents,
        {"release": release.id, "rows": release.rows, **figures},
        night.progress,
        url=f"{window_url(night.workspace)}/releases",
    )


def checkpoint_made(night: Night, release: Release, step: Step, result: StepResult, parent: Checkpoint) -> None:
    """Record the checkpoint of a stage, with the release and the checkpoint behind it; one that was looked up is not new."""
    if not result.new:
        return
    recipe = night.recipe.name
    read = [asset_key("release", release.name)] if step.stage.reads and (step.rows or step.stage.asks) else []
    steps = [step.start, *(origin.step for origin in step.models.values())]
    models = [asset_key("checkpoint", recipe, name) if name else asset_key("student", recipe) for name in steps]
    figures = {name: result.read.get(name) for name in ("rows", "problems")}
    figures |= {name: result.metrics.get(name) for name in ("tokens", "steps", "loss")}
    record(
        asset_key("checkpoint", recipe, step.name),
        f"checkpoint {step.name} of {recipe}",
        [*read, *models],
        {"checkpoint": result.checkpoint.id, "parent": parent.id, "release": release.id, "night": night.id, **figures},
        night.progress,
        url=f"{window_url(night.workspace)}/models",
    )


def student_promoted(night: Night, release: Release, step: str, candidate: Checkpoint, decision: Decision) -> None:
    """Record that a candidate became the student; one that was refused, or waits, is none."""
    if decision.outcome != "promoted":
        return
    overall = decision.overall
    record(
        asset_key("student", night.recipe.name),
        f"student of {night.recipe.name}",
        [asset_key("checkpoint", night.recipe.name, step), asset_key("release", release.name)],
        {
            "checkpoint": candidate.id, "release": release.id, "night": night.id, "reason": decision.reason,
            "items": overall.test.n, "incumbent": overall.incumbent.value, "candidate": overall.candidate.value,
        },
        night.progress,
        url=f"{window_url(night.workspace)}/models",
    )  # fmt: skip


def record(
    key: str,
    name: str,
    parents: Iterable[str],
    metadata: Mapping[str, Any],
    progress: Progress,
    *,
    url: str | None = None,
) -> None:
    """Record that an asset was made, by a task of its own in the flow run at work; outside a run nothing happens.

    Args:
        key: The asset.
        name: How people call it.
        parents: Keys of what it was made from.
        metadata: What was made, in figures.
        progress: Where a failure is said.
        url: Where to look at it.
    """
    from prefect.assets import Asset, add_asset_metadata, materialize
    from prefect.cache_policies import NO_CACHE
    from prefect.context import FlowRunContext

    if FlowRunContext.get() is None:
        return
    known = {name: value for name, value in metadata.items() if value is not None}
    try:
        asset = Asset(key=key, properties={"name": name, **({"url": url} if url else {})})

        @materialize(
            asset,
            by="nightschool",
            name="asset",
            task_run_name=name,
            asset_deps=list(dict.fromkeys(parents)),
            cache_policy=NO_CACHE,
            persist_result=False,
        )
        def made() -> None:
            add_asset_metadata(asset, known)

        made()
    except Exception as error:  # a page that is not there must not stop a night
        progress.say(f"Prefect was not told of the {name} ({type(error).__name__}: {error})")
