"""A night is pinned at its first start: recipe, sources of methods, prompts, student, benchmarks and judge; so is a training."""

import datetime
import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flows.night.night import Night, code_version
from flows.recipe.recipe import Recipe
from flows.recipe.train import TrainSpec
from storage.errors import PinError
from storage.ids import digest, digest_files
from storage.lake import nights
from storage.models.checkpoints import find_checkpoint
from storage.models.registry import current_verifier
from synth.answers.judge import VERSION
from synth.engines.spec import PROMOTED, VERIFIER
from synth.environments import Environment
from synth.night.draw import Assignment
from synth.tools import Tool
from train_stages.plan.pin import plan_digests


def pin(night: Night, *, repin: bool) -> None:
    """Pin a night at its first start; later, check that nothing it was pinned to has changed.

    Raises:
        PinError: Something has changed, and `repin` does not accept it.
    """
    run_id = f"night/{night.id}"
    before = nights.pinned(night.lake, run_id)
    needs_student = any(spec.checkpoint == PROMOTED for spec in night.recipe.models.values())
    if needs_student:
        night.student = (
            find_checkpoint(night.lake, before["student"]) if before and before["student"] else night.incumbent()
        )
    if any(spec.checkpoint == VERIFIER for spec in night.recipe.models.values()):
        pinned = before.get("verifier") if before else None
        night.verifier = find_checkpoint(night.lake, pinned) if pinned else current_verifier(night.lake)
    now: dict[str, Any] = {
        "recipe": night.recipe.digest,
        "command": night.recipe.command(night.date),
        "parts": _parts(night.recipe),
        "student": night.student.id if night.student else None,
        **({"verifier": night.verifier.id} if night.verifier else {}),
        "prompts": _prompts_of(night),
        "methods": _sources_of(night.assignments),
        "uses": _uses_of(night.assignments),
        "judge": VERSION,
        "benchmarks": night.benchmarks.to_json(),
        "code": code_version(),
        "rules": {
            "filters": night.recipe.filters,
            "policy": night.recipe.policy,
            "observes": {item.method.name: sorted(item.method.observes(item.params)) for item in night.assignments},
        },
    }
    _set_deadline(night, before if not repin else None, now)
    if before is None:
        nights.pin(night.lake, run_id, night.id, night.recipe.name, now)
        return
    changed = _changes(before, now)
    if not changed:
        return
    if not repin:
        raise PinError(
            f"night {night.id} was started with other {', '.join(changed)}. Run it with what it was pinned to, "
            f"choose another --date, or accept the change with --repin"
        )
    nights.pin(night.lake, run_id, night.id, night.recipe.name, now, repin=True)


def training_digests(night: Night, spec: TrainSpec) -> dict[str, str]:
    """Return what a training is made with, by digest: its stages, their sources, evaluation, rule of promotion, prompt, judge."""
    asking = spec.evaluate.model_dump(mode="json", exclude={"batch_tokens", "batch_rows", "device"})
    return {
        **plan_digests(spec.steps),
        "train.evaluate": digest(asking),
        "train.promote": digest(spec.promote.model_dump(mode="json")),
        "prompt solve": night.prompts.digests["solve"],
        "judge": VERSION,
    }


def check_training(night: Night, before: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Compare what a training was begun with and what it would go on with.

    Raises:
        PinError: Something has changed; the message names it.
    """
    changed = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    if changed:
        raise PinError(
            f"the training {night.id} was begun with other {', '.join(changed)}. Let it go on with what it was begun with, or "
            f"accept the change with --repin: finished stages whose inputs are the same are not trained again"
        )


def _set_deadline(night: Night, before: Mapping[str, Any] | None, now: dict[str, Any]) -> None:
    """A resumed night keeps the deadline of its first start."""
    start = datetime.datetime.now(datetime.UTC)
    fresh = night.recipe.budget.deadline(start)
    text = (before or {}).get("deadline", fresh.isoformat() if fresh else None)
    night.deadline = datetime.datetime.fromisoformat(text) if text else None
    now["deadline"] = text


def _parts(recipe: Recipe) -> dict[str, str]:
    return {name: digest(value) for name, value in recipe.said().items()}


def _changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return what differs between two pins, by name.

    Not compared are: the student, since a later start takes the one that is pinned; the version of the code, since an update may
    finish a night, and what it changed in methods, prompts and judge is compared; the rules, whose filters and policy are parts
    of the recipe and whose `observes` follows from the methods' sources.
    """
    changed = [name for name in ("prompts", "methods", "benchmarks") if before.get(name) != now[name]]
    if before.get("judge", now["judge"]) != now["judge"]:  # nights of an older version pinned neither judge nor uses
        changed.append("judge of answers")
    uses = {*before.get("uses", now["uses"]).items()} ^ {*now["uses"].items()}
    changed += sorted({name for name, _ in uses})
    parts = {*before.get("parts", {}), *now["parts"]}
    changed += [
        f"recipe.{name}" for name in sorted(parts) if before.get("parts", {}).get(name) != now["parts"].get(name)
    ]
    return changed


def _prompts_of(night: Night) -> list[str]:
    """Digests of the night's prompts, and of those that single entries of `methods` put in their place."""
    views = [night.prompts.of(item.method.name, item.prompts) for item in night.assignments if item.prompts]
    return sorted({*night.prompts.digests.values(), *(prompt.digest for view in views for prompt in view.values())})


def _sources_of(assignments: list[Assignment]) -> dict[str, str]:
    return {item.method.name: sources_of(item.method) for item in assignments}


def _uses_of(assignments: list[Assignment]) -> dict[str, str]:
    parts = [part for item in assignments for part in item.method.uses(item.params)]
    return {f"{_kind_of(part)} {getattr(part, 'name', '')}".strip(): sources_of(part) for part in parts}


def _kind_of(part: object) -> str:
    if isinstance(part, Tool):
        return "tool"
    return "environment" if isinstance(part, Environment) else type(part).__name__.lower()


def sources_of(part: object) -> str:
    """Digest the sources of a method, environment, scorer or chooser.

    Those are every file of the folder that it shares with others, since these share parsers; of a module that lies in no
    package, its file alone.
    """
    code = next((getattr(part, name) for name in ("run", "rate", "choose") if hasattr(part, name)), type(part))
    file = Path(inspect.getfile(code))
    if not sys.modules[code.__module__].__package__:
        return digest_files([file], file.parent)
    inside = file.name == "__init__.py" and (file.parent.parent / "__init__.py").exists()  # a folder beside others
    folder = file.parent.parent if inside else file.parent
    return digest_files(folder.rglob("*.py"), folder)
