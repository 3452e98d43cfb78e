"""What a plan is made with, by digest, so that one that goes on after a kill with anything else says so."""

import inspect
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel

from storage.ids import digest, digest_files
from train_stages.config import WATCHING
from train_stages.parts import Part
from train_stages.plan.steps import Step


def plan_digests(steps: Sequence[Step]) -> dict[str, str]:
    """Return digests by name: each stage with what it reads and its settings, and the sources of every stage and part.

    How often a state is kept or logged changes nothing that a stage makes, and is left out.
    """
    digests: dict[str, str] = {}
    for step in steps:
        settings = step.config.model_dump(mode="json", exclude=set(WATCHING))
        corpora = [corpus.model_dump(mode="json") for corpus in step.corpora]
        selection = [
            step.selection.where,
            step.selection.methods,
            step.selection.tasks,
            step.selection.limit,
            step.seed,
        ]
        reads = [selection, step.rows, step.problems, corpora, step.start, step.checkpoint]
        if step.models:
            reads.append({name: [origin.step, origin.checkpoint] for name, origin in step.models.items()})
        digests[f"stage {step.name}"] = digest("step", step.stage.name, settings, reads)
        digests[f"sources of {step.stage.name}"] = _file_digest(step.stage.run)
        for part in _parts(step.config):
            digests[f"sources of {part.name}"] = _file_digest(type(part))
    return digests


def _parts(model: BaseModel) -> Iterator[Part]:
    """Every part that the settings name."""
    for name in type(model).model_fields:
        value = getattr(model, name)
        yield from (item for item in (value if isinstance(value, tuple) else (value,)) if isinstance(item, Part))


def _file_digest(source: object) -> str:
    path = Path(inspect.getfile(source))  # type: ignore[arg-type]
    return digest_files([path], path.parent)
