"""A step of a plan at work: checked, run once, and entered into the lake with what it read.

A stage's folder is named by everything that determines it (kind, parent, the rows that it reads, settings, seed, prompt), so
that the same stage is made once, whoever asks and however often: a plan that was killed finds its finished stages by that name.
(How a stage that was killed halfway goes on is in `train_stages.process.states`.)
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from filters.night.trials import Trial, store_trials
from filters.pass_rate import PassRate
from filters.rules.difficulty import pass_rates
from storage.ids import digest
from storage.models.checkpoints import Checkpoint, register_checkpoint
from storage.models.curves import record_curves
from synth.problems import checker_versions
from synth.problems.base import Problem
from train_stages.config import WATCHING
from train_stages.plan.reading import Reader, Reading, read_by
from train_stages.plan.steps import Step
from train_stages.process.job import Job
from train_stages.process.launch import launch
from train_stages.process.stage import MANIFEST
from train_stages.rl.pass_rates import FILE, kept

Report = Callable[[str, int, int], None]
Models = Mapping[str, Checkpoint]
"""Further checkpoints that a step's settings name, by that name."""
KEPT_BYTES = 256 << 20
"""Rows of a step that are larger than this are read again instead of being kept in memory from its check to its run."""


@dataclass(frozen=True)
class StepResult:
    """What a step made.

    Attributes:
        checkpoint: The checkpoint.
        metrics: Figures of its stage.
        read: What it read, in figures.
        new: Whether it was trained now; False when it was there.
    """

    checkpoint: Checkpoint
    metrics: Mapping[str, Any]
    read: Mapping[str, Any]
    new: bool


@dataclass(frozen=True)
class Training:
    """Runs the steps of one plan.

    Attributes:
        reader: Reads what they learn from.
        night: The night that the training follows.
        prompt: Digest of the prompt by which problems are asked.
        code_version: Version of Nightschool.
        report: Told of progress.
        readings: What steps read, kept from the check of a step to its run.
    """

    reader: Reader
    night: str
    prompt: str
    code_version: str
    report: Report
    readings: dict[str, Reading] = field(default_factory=dict)

    def preflight(self, step: Step, parent: Checkpoint, models: Models | None = None) -> dict[str, Any]:
        """Check what a step would do, in seconds and on a CPU, before anything is trained.

        Args:
            step: The step.
            parent: A checkpoint of the same shape and with the same tokenizer as the one it will start from.
            models: Further checkpoints that its settings name, or others that stand for them.

        Raises:
            RecipeError: A setting cannot be used.
            CheckpointError: The parent cannot be loaded.
            TrainingError: The stage could not learn from these rows, or not on this machine.
        """
        rates = self._rates(step, parent) if step.start is None else None  # else the true parent is not there yet
        reading = self.reader.read(step, rates)
        if not step.stage.measured and reading.rows.nbytes <= KEPT_BYTES:
            self.readings[step.name] = reading
        with self._job(step, parent, reading, self._folder / f"preflight-{step.name}", models or {}) as job:
            return step.stage.check(job)

    def run(self, step: Step, parent: Checkpoint, models: Models | None = None) -> StepResult:
        """Run a step, or find what it made before, and register its checkpoint.

        Args:
            step: The step.
            parent: The checkpoint that it starts from.
            models: Further checkpoints that its settings name.

        Raises:
            RecipeError: A setting cannot be used.
            TrainingError: There is nothing to learn from, or the stage failed.
        """
        reading = self.readings.pop(step.name, None) or self.reader.read(step, self._rates(step, parent))
        out = self._folder / f"{step.stage.name}-{self.key(step, parent, reading, models)}"
        new = not out.exists()
        if new:
            with self._job(step, parent, reading, out, models or {}) as job:
                launch(step.stage.name, job, self.report, **step.config.launcher)
        return self._register(step, parent, reading, out, models or {}, new=new)

    def key(self, step: Step, parent: Checkpoint, reading: Reading, models: Models | None = None) -> str:
        """Return the identity of a stage: a digest of everything that determines what it makes."""
        settings = step.config.model_dump(mode="json", exclude_defaults=True, exclude=set(WATCHING))
        judges = [checker_versions(reading.rows["task"].to_pylist())] if step.stage.asks else []
        others = [{name: checkpoint.id for name, checkpoint in models.items()}] if models else []
        made_of = [parent.id, reading.digest, settings, step.seed, self.prompt, *judges, *others]
        return digest("stage", step.stage.name, *made_of, length=12)

    @property
    def _folder(self) -> Path:
        return self.reader.lake.workspace.folder("checkpoints")

    @contextmanager
    def _job(self, step: Step, parent: Checkpoint, reading: Reading, out: Path, models: Models) -> Iterator[Job]:
        """Write the rows of a stage beside its output, for as long as they are needed."""
        rows = out.with_name(f".{out.name}.rows.parquet")
        pq.write_table(reading.rows, rows)
        try:
            yield Job(
                parent=parent.path,
                rows=rows,
                out=out,
                options=dict(step.options),
                seed=step.seed,
                models={name: checkpoint.path for name, checkpoint in models.items()},
                name=step.key,
            )
        finally:
            rows.unlink()

    def _rates(self, step: Step, parent: Checkpoint) -> Callable[[Sequence[Problem]], Mapping[str, PassRate]] | None:
        if not step.stage.measured:
            return None
        return lambda problems: pass_rates(self.reader.lake, parent.id, problems=[problem.id for problem in problems])

    def _register(
        self, step: Step, parent: Checkpoint, reading: Reading, out: Path, models: Models, *, new: bool
    ) -> StepResult:
        manifest = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
        metrics = {**manifest["metrics"], "tokens": manifest["tokens"]}
        rows = read_by(step, reading, out)
        read = {
            "name": step.name,
            "seed": step.seed,
            "source": step.source,
            "rows": 0 if step.drawn else rows.num_rows,
            "problems": rows.num_rows if step.drawn else 0,
            "corpus_texts": sum(corpus["texts"] for corpus in reading.corpora),
            "corpora": list(reading.corpora),
            "digest": reading.digest,
            **({"judge": manifest["judge"]} if "judge" in manifest else {}),
            **({"models": {name: checkpoint.id for name, checkpoint in models.items()}} if models else {}),
        }
        checkpoint = register_checkpoint(
            self.reader.lake,
            out,
            stage=step.stage.name,
            night=self.night,
            parent=parent.id,
            release=self.reader.release.id,
            config=manifest["config"],
            metrics=metrics,
            code_version=self.code_version,
            read=read,
            stage_rows=rows,
        )
        record_curves(self.reader.lake, checkpoint, manifest["history"], night=self.night)
        if (out / FILE).exists():
            self._store_measured(out / FILE, parent, manifest["config"])
        return StepResult(checkpoint, metrics, read, new)

    def _store_measured(self, path: Path, parent: Checkpoint, config: Mapping[str, Any]) -> None:
        """Enter the pass rates that RL measured before it began into the lake: they are the parent's."""
        sampling = json.dumps({name: config[name] for name in ("max_tokens", "temperature")}, sort_keys=True)
        trials = [
            Trial(
                rate.problem_id,
                parent.id,
                sampling,
                f"{path.parent.name}:{number}",
                "correct" if number < rate.correct else "wrong",
            )
            for rate in kept(path).values()
            for number in range(rate.tries)
            if rate.model == parent.path.name  # what was stored before is there
        ]
        store_trials(self.reader.lake, f"trials:{path.parent.name}", trials, night=self.night)
