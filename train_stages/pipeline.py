"""From a release to a candidate: stages in order, each one idempotent.

A stage's folder is named by everything that determines it (parent, rows, options, seed), so that the same stage is made
once, whoever asks and however often.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from filters.night.trials import Trial, store_trials
from filters.rules.difficulty import pass_rates
from storage.ids import digest
from storage.lake.lake import Lake
from storage.models.checkpoints import Checkpoint, register_checkpoint
from storage.models.curves import record_curves
from storage.releases.reading import Release
from synth.calls.prompting import Prompts
from synth.problems.base import Problem
from synth.sample import problem_of
from train_stages.config import read_config
from train_stages.process.job import Job
from train_stages.process.launch import launch
from train_stages.process.stage import MANIFEST
from train_stages.rl.pass_rates import FILE, kept
from train_stages.stages import Stage, get_stage
from train_stages.stages.base import Material

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
            self._make(name, parent, options, out)
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
        record_curves(self.lake, made, manifest["history"], night=self.night)
        if (out / FILE).exists():
            self._store_measured(out / FILE, parent, manifest["config"])
        return made, metrics

    def _store_measured(self, path: Path, parent: Checkpoint, config: Mapping[str, Any]) -> None:
        """Enter the pass rates that RL measured before it began into the lake: they are the parent's."""
        sampling = json.dumps({name: config[name] for name in ("max_tokens", "temperature")}, sort_keys=True)
        trials = [
            Trial(
                rate.problem_id,
                parent.id,
                sampling,
                f"{path.parent.name}:{n}",
                "correct" if n < rate.correct else "wrong",
            )
            for rate in kept(path).values()
            for n in range(rate.tries)
            if rate.model == parent.path.name  # what was stored before is there
        ]
        store_trials(self.lake, f"trials:{path.parent.name}", trials, night=self.night)

    def _make(self, name: str, parent: Checkpoint, options: Mapping[str, Any], out: Path) -> None:
        """Run a stage in a process of its own."""
        config = read_config(get_stage(name).config, options, f"train.{name}")
        with self._job(name, parent, options, out) as job:
            launch(name, job, self.report, accelerate=config.accelerate, processes=config.processes)

    def preflight(self, name: str, parent: Checkpoint, options: Mapping[str, Any]) -> dict[str, Any]:
        """Check what a stage would do, in seconds and on a CPU, before anything is trained.

        Args:
            name: The stage.
            parent: A checkpoint of the same shape and with the same tokenizer as the one it will start from.
            options: Its options.

        Raises:
            RecipeError: An option cannot be used.
            CheckpointError: The parent cannot be loaded.
            TrainingError: The stage could not learn from these rows, or not on this machine.
        """
        out = self.lake.workspace.folder("checkpoints") / f"preflight-{name}"
        with self._job(name, parent, options, out) as job:
            return get_stage(name).check(job)

    @contextmanager
    def _job(self, name: str, parent: Checkpoint, options: Mapping[str, Any], out: Path) -> Iterator[Job]:
        """Write the rows of a stage beside its output, for as long as they are needed."""
        rows = out.with_name(f".{out.name}.rows.parquet")
        stage = get_stage(name)
        config = read_config(stage.config, options, f"train.{name}")
        pq.write_table(stage.rows(self.material(stage, parent), config), rows)
        yield Job(parent=parent.path, rows=rows, out=out, options=dict(options), seed=self.seed, name=f"train.{name}")
        rows.unlink()

    def rows(self) -> pa.Table:
        """Return the rows to learn from."""
        return self.selection.of(self.release.table())

    def material(self, stage: Stage, parent: Checkpoint) -> Material:
        """Return what a stage makes its rows of, when it starts from a checkpoint."""
        problems = self.problems() if stage.asks else []
        rates = pass_rates(self.lake, parent.id, problems=[problem.id for problem in problems]) if stage.asks else {}
        return Material(f"release {self.release.id}", self.rows(), problems, self.messages, rates)

    def problems(self) -> list[Problem]:
        """Return the distinct problems behind those rows, in stable order."""
        found: dict[str, Problem] = {}
        for row in self.rows().sort_by("problem_id").to_pylist():
            found.setdefault(row["problem_id"], problem_of({**row, "attrs": row["problem_attrs"]}))
        return list(found.values())
