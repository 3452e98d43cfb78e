"""From a release to a candidate: stages in order, each one idempotent.

A stage's folder is named by everything that determines it (parent, rows, options, seed), so that the same stage is made
once, whoever asks and however often.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from storage.checkpoints import Checkpoint, register_checkpoint
from storage.errors import TrainingError
from storage.ids import digest
from storage.lake import Lake
from storage.releases import Release
from synth.problems.base import Problem
from synth.prompting import Prompts
from synth.sample import problem_of
from synth.shapes import shaped
from train_stages.config import read_config
from train_stages.cpt import CptConfig, cpt
from train_stages.rl import RlConfig, rl
from train_stages.sft import SftConfig, sft
from train_stages.stage import MANIFEST, StageResult

STAGES = ("cpt", "sft", "rl")
"""In the order of training."""

Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Selection:
    """Which rows of a release a stage learns from.

    Attributes:
        methods: Only these methods; None means all.
        tasks: Only these tasks; None means all.
    """

    methods: tuple[str, ...] | None = None
    tasks: tuple[str, ...] | None = None

    def of(self, table: pa.Table) -> pa.Table:
        """Return the selected rows."""
        for column, names in (("method", self.methods), ("task", self.tasks)):
            if names is not None:
                table = table.filter(pc.is_in(table[column], pa.array(list(names), pa.string())))
        return table


@dataclass(frozen=True)
class Training:
    """What one training needs to know.

    Attributes:
        lake: The lake.
        night: The night it follows.
        release: What it learns from.
        prompts: The night's prompts; problems are asked in training and evaluation as they were in synthesis.
        selection: Rows to learn from.
        seed: Seed of every stage.
        code_version: Version of Nightschool.
        report: Told of progress.
    """

    lake: Lake
    night: str
    release: Release
    prompts: Prompts
    selection: Selection
    seed: int
    code_version: str
    report: Report

    def messages(self, problem: Problem) -> list[dict[str, str]]:
        """Render a problem as a model is asked it."""
        return list(self.prompts.messages("solve", {"problem": problem}))

    def stage(self, name: str, parent: Checkpoint, options: Mapping[str, Any]) -> tuple[Checkpoint, dict[str, Any]]:
        """Run a stage, or find what it made before, and register its checkpoint.

        Returns:
            The checkpoint and the stage's metrics.

        Raises:
            RecipeError: An option cannot be used.
            TrainingError: There is nothing to learn from, or the stage failed.
        """
        plan = {
            "stage": name, "parent": parent.id, "rows": self.release.content_hash, "options": dict(options),
            "methods": self.selection.methods, "tasks": self.selection.tasks, "seed": self.seed,
            "prompt": self.prompts.digests["solve"],
        }  # fmt: skip
        out = self.lake.workspace.folder("checkpoints") / f"{name}-{digest(plan, length=12)}"
        if not out.exists():
            _RUN[name](self, parent.path, options, out)
        manifest = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
        metrics = {**manifest["metrics"], "tokens": manifest["tokens"]}
        made = register_checkpoint(
            self.lake,
            out,
            stage=name,
            night=self.night,
            parent=parent.id,
            release=self.release.id,
            config=manifest["config"],
            metrics=metrics,
            code_version=self.code_version,
        )
        return made, metrics

    def rows(self) -> pa.Table:
        """Return the rows to learn from."""
        return self.selection.of(self.release.table())

    def problems(self) -> list[Problem]:
        """Return the distinct problems behind those rows, in stable order."""
        found: dict[str, Problem] = {}
        for row in self.rows().sort_by("problem_id").to_pylist():
            found.setdefault(row["problem_id"], problem_of({**row, "attrs": row["problem_attrs"]}))
        return list(found.values())


def _cpt(training: Training, parent: Path, options: Mapping[str, Any], out: Path) -> StageResult:
    config = read_config(CptConfig, options, "train.cpt")
    texts = [made["text"] for made in shaped(training.rows().to_pylist(), "text")]
    if not texts:
        raise TrainingError(f"cpt: release {training.release.id} has no rows with text for it")
    return cpt(parent, pa.table({"text": texts}), out, config, seed=training.seed, progress=training.report)


def _sft(training: Training, parent: Path, options: Mapping[str, Any], out: Path) -> StageResult:
    config = read_config(SftConfig, options, "train.sft")
    chats = [made["messages"] for made in shaped(training.rows().to_pylist(), "messages")]
    if not chats:
        raise TrainingError(f"sft: release {training.release.id} has no rows with an answer for it")
    return sft(parent, pa.table({"messages": chats}), out, config, seed=training.seed, progress=training.report)


def _rl(training: Training, parent: Path, options: Mapping[str, Any], out: Path) -> StageResult:
    config = read_config(RlConfig, options, "train.rl")
    return rl(
        parent,
        training.problems(),
        out,
        config,
        seed=training.seed,
        progress=training.report,
        to_messages=training.messages,
    )


_RUN: dict[str, Callable[[Training, Path, Mapping[str, Any], Path], StageResult]] = {
    "cpt": _cpt,
    "sft": _sft,
    "rl": _rl,
}
