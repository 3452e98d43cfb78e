"""From a release to a decision: stages in order, each one idempotent, evaluated on items it was not chosen on.

A stage's folder is named by everything that determines it (parent, rows, options, seed), so that the same stage is made
once, whoever asks and however often.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ValidationError

from storage.checkpoints import Checkpoint, record_promotion, register_checkpoint
from storage.errors import RecipeError, TrainingError
from storage.evaluations import evaluation_key, find_evaluation, record_evaluation, set_version
from storage.ids import digest
from storage.lake import Lake
from storage.nights import problem_rows
from storage.releases import Release
from synth.problems.base import Problem
from synth.prompting import Prompts
from synth.sample import problem_of
from synth.shapes import shaped
from train_stages.cpt import CptConfig, cpt
from train_stages.evaluate import EvaluateConfig, Evaluation, evaluate, summarise
from train_stages.promote import Decision, Kept, PromoteConfig, compare, keep_rl
from train_stages.rl import RlConfig, rl
from train_stages.sft import SftConfig, sft
from train_stages.stage import MANIFEST, StageResult

STAGES = ("cpt", "sft", "rl")
"""In the order of training."""

Config = TypeVar("Config", bound=BaseModel)
Report = Callable[[str, int, int], None]


def read_config(model: type[Config], options: Mapping[str, Any], key: str) -> Config:
    """Validate the options of a stage.

    Raises:
        RecipeError: An option is unknown or out of range; the message names it.
    """
    try:
        return model.model_validate(dict(options))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join([key, *map(str, first["loc"])])
        raise RecipeError(
            f"{where}: {first['msg'].removeprefix('Value error, ')} (given: {first['input']!r})"
        ) from None


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

    def evaluate(self, checkpoint: Checkpoint, split: str, options: Mapping[str, Any]) -> Evaluation:
        """Ask a checkpoint every problem of a held-out split, or look up what it answered before.

        Raises:
            TrainingError: The split is empty.
        """
        config = read_config(EvaluateConfig, options, "train.evaluate")
        problems = [problem_of(row) for row in problem_rows(self.lake, splits=[split])]
        if self.selection.tasks is not None:
            problems = [problem for problem in problems if problem.task in self.selection.tasks]
        if not problems:
            raise TrainingError(f"there are no {split} problems to evaluate on; give a source `{split}: 100`")
        version = set_version([problem.id for problem in problems])
        config_part = {**config.model_dump(mode="json"), "prompt": self.prompts.digests["solve"], "seed": self.seed}
        key = evaluation_key(checkpoint.id, version, config_part)
        known = find_evaluation(self.lake, key)
        if known is None:
            made = evaluate(checkpoint.path, problems, config, seed=self.seed, to_messages=self.messages)
            record_evaluation(self.lake, key, made.rows, checkpoint_id=checkpoint.id, version=version, night=self.night)
            known = find_evaluation(self.lake, key)
            assert known is not None
        return summarise(known)

    def keep_better(self, before: Checkpoint, after: Checkpoint, options: Mapping[str, Any]) -> Kept:
        """Say whether what RL made is kept, on the validation split, which promotion does not look at."""
        return keep_rl(
            self.evaluate(before, "validation", options).rows, self.evaluate(after, "validation", options).rows
        )

    def promote(
        self, incumbent: Checkpoint, candidate: Checkpoint, evaluation: Mapping[str, Any], options: Mapping[str, Any]
    ) -> Decision:
        """Compare a candidate with the incumbent on the held-out split, and record the decision."""
        config = read_config(PromoteConfig, options, "train.promote")
        decision = compare(
            self.evaluate(incumbent, "heldout", evaluation).rows,
            self.evaluate(candidate, "heldout", evaluation).rows,
            config,
        )
        figures = {
            "overall": _figures(decision.overall),
            "groups": {
                f"{group.group[0]} tier {group.group[1]}": _figures(group) for group in decision.groups if group.group
            },
            "config": config.model_dump(mode="json"),
        }
        record_promotion(
            self.lake,
            key=f"promotion:{self.night}:{candidate.id}:{incumbent.id}",
            candidate=candidate.id,
            incumbent=incumbent.id,
            decision=decision.outcome,
            reason=decision.reason,
            figures=figures,
            night=self.night,
        )
        return decision


def _figures(comparison: Any) -> dict[str, Any]:
    return {
        "incumbent": comparison.incumbent.value,
        "candidate": comparison.candidate.value,
        "incumbent_interval": [comparison.incumbent.low, comparison.incumbent.high],
        "candidate_interval": [comparison.candidate.low, comparison.candidate.high],
        "items": comparison.test.n,
        "gained": comparison.test.gained,
        "lost": comparison.test.lost,
        "p": comparison.test.p,
    }


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


def accuracy_rows(before: Evaluation, after: Evaluation) -> list[dict[str, Any]]:
    """Put two evaluations side by side, a row per task and tier."""
    old = {(score.task, score.tier): score for score in before.scores}
    rows = []
    for score in after.scores:
        earlier = old[score.task, score.tier]
        rows.append(
            {
                "task": score.task,
                "tier": score.tier,
                "items": score.problems,
                "before": str(earlier.greedy),
                "after": str(score.greedy),
                "sampled_before": earlier.average_at_k,
                "sampled_after": score.average_at_k,
            }
        )
    return rows
