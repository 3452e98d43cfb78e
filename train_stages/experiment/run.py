"""An experiment at work: its rows, its trainings, its exams, each made once."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from storage.atomic import write_text
from storage.errors import RecipeError, TrainingError
from storage.ids import digest
from storage.releases.reading import Release, rows_where
from storage.releases.shapes import shaped
from storage.releases.subset import budget_words, equal_budget
from synth.answers.outcome import Outcome
from synth.problems.base import Problem
from train_stages.config import CptConfig, SupervisedConfig
from train_stages.experiment.config import ExperimentConfig
from train_stages.experiment.table import tabulate
from train_stages.process.stage import MANIFEST
from train_stages.promotion.evaluate import ROWS, Messages, evaluate
from train_stages.promotion.rejudging import judged_today
from train_stages.stages.cpt import cpt
from train_stages.stages.sft import sft


@dataclass(frozen=True)
class Experiment:
    """An experiment at work.

    Attributes:
        config: What it compares.
        release: The rows.
        problems: Held-out problems.
        base: Makes (or finds) the base of a seed.
        folder: Where its results go.
        messages: Renders a problem as a model is asked it.
        say: Told of progress.
    """

    config: ExperimentConfig
    release: Release
    problems: Sequence[Problem]
    base: Callable[[int], Path]
    folder: Path
    messages: Callable[[Problem], Messages]
    say: Callable[[str], None]

    def run(self) -> dict[str, Any]:
        """Train and evaluate what is missing, and return the table.

        Raises:
            RecipeError: A condition cannot be used, or selects nothing.
            TrainingError: A result of before is there without its responses, so it cannot be judged as the others are.
        """
        common, groups = self.rows()
        results = []
        for seed in self.config.seeds:
            start = self._start(seed)
            for name, rows in groups.items():
                self.say(f"{name}, seed {seed}: {len(rows):,} rows")
                results.append(self._result_of(name, rows, common, seed, start))
        table = tabulate(results, {problem.id: problem.task for problem in self.problems})
        (self.folder / "table.json").write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
        return table

    def rows(self) -> tuple[list[Mapping[str, Any]], dict[str, list[Mapping[str, Any]]]]:
        """Return the common rows, and each arm's: none of them common, of as many words in all as the smallest arm has."""
        config, common = self.config, list[Mapping[str, Any]]()
        if config.common:
            selected = _select(self.release, "common", config.common)
            common = budget_words(selected, 10**12)[: config.common_rows]
        taken = {row["sample_id"] for row in common}
        groups = {}
        for name, arm in config.arms.items():
            groups[name] = [row for row in _select(self.release, name, arm.where) if row["sample_id"] not in taken]
            if not groups[name]:
                raise RecipeError(f"experiment.arms.{name}: every row it selects is among the common ones")
        return common, equal_budget(groups)

    def _start(self, seed: int) -> Path:
        """The model that all arms of a seed start from: the base, or what it became on the rows of `before`."""
        config, base = self.config, self.base(seed)
        if config.before is None:
            return base
        chats = _chats(_select(self.release, "before", config.before))
        training = config.train.model_copy(update={"budget_tokens": config.before_tokens})
        key = digest("before", config.before, training.model_dump(mode="json"), self.release.content_hash, length=12)
        out = self.folder / f"before-{seed}-{key}"
        if not out.exists():
            self.say(f"before, seed {seed}: {chats.num_rows:,} rows")
            sft(base, chats, out, training, seed=seed)
        return out

    def _result_of(
        self,
        name: str,
        rows: Sequence[Mapping[str, Any]],
        common: Sequence[Mapping[str, Any]],
        seed: int,
        start: Path,
    ) -> Any:
        arm = self.config.arms[name]
        plan = [self.config.model_dump(mode="json", exclude={"arms", "seeds"}), arm.model_dump(), seed]
        ids = [[row["sample_id"] for row in part] for part in (rows, common)]
        key = digest("experiment", plan, ids, [p.id for p in self.problems], self.release.content_hash, length=12)
        out = self.folder / f"{name}-{seed}-{key}.json"
        if not out.exists():
            trained = self._train(name, rows, common, seed, start, self.folder / f"{name}-{seed}-{key}")
            answered = evaluate(
                trained["path"], self.problems, self.config.evaluate, seed=seed, to_messages=self.messages
            ).rows
            result = {"arm": name, "seed": seed, "rows": len(rows), **trained, "path": str(trained["path"])}
            write_text(out, json.dumps({**result, "responses": answered.to_pylist()}) + "\n")
        return self._judged(out)

    def _judged(self, out: Path) -> dict[str, Any]:
        """Read a result, its responses judged as today's judge does."""
        result: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
        if "responses" not in result:
            raise TrainingError(
                f"{out} was made by an older version, which kept no responses, so that another judge's outcomes would be "
                "compared with today's; remove it, and the same command asks its model again, without training it again"
            )
        answered = pa.Table.from_pylist(result.pop("responses"), schema=ROWS)
        judged = judged_today(answered, {problem.id: problem for problem in self.problems})
        return {**result, "answers": {mode: _correct(judged, mode) for mode in ("greedy", "sampled")}}

    def _train(
        self,
        name: str,
        rows: Sequence[Mapping[str, Any]],
        common: Sequence[Mapping[str, Any]],
        seed: int,
        start: Path,
        out: Path,
    ) -> dict[str, Any]:
        arm, config = self.config.arms[name], self.config.training(name)
        shapes = [dict(shape) for shape in shaped(rows, arm.shape)]
        if not shapes:
            raise TrainingError(f"{out.name}: none of its rows has the shape {arm.shape}")
        own = out.with_name(f"{out.name}-own")
        if not own.exists():
            if arm.shape == "text":
                texts = CptConfig.model_validate(config.model_dump(include=_SHARED))
                cpt(start, pa.table({"text": [m["text"] for m in shapes]}), own, texts, seed=seed)
            else:
                sft(start, pa.table({"messages": [m["messages"] for m in shapes]}), own, config, seed=seed)
        manifest = json.loads((own / MANIFEST).read_text(encoding="utf-8"))
        tokens = manifest["tokens"]
        if not common:
            return {"path": own, "tokens": tokens}
        last = self.config.train.model_copy(update={"budget_tokens": self.config.common_tokens})
        if not out.exists():
            sft(own, _chats(common), out, last, seed=seed)
        return {"path": out, "tokens": tokens}


def _chats(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    return pa.table({"messages": [m["messages"] for m in shaped(rows, "messages")]})


_SHARED = set(SupervisedConfig.model_fields) - {"epochs", "order"}
"""Settings that a text arm takes over from those of fine-tuning."""


def _select(release: Release, name: str, where: str) -> list[Mapping[str, Any]]:
    rows: list[Mapping[str, Any]] = rows_where(release, where).to_pylist()
    if not rows:
        raise RecipeError(f"experiment.{name}: {where!r} selects no row of {release.id}")
    return rows


def _correct(rows: pa.Table, mode: str) -> dict[str, float]:
    """Share of correct answers by problem."""
    tries: dict[str, list[bool]] = {}
    for problem, kind, outcome in zip(*(rows[c].to_pylist() for c in ("problem_id", "mode", "outcome")), strict=True):
        if kind == mode:
            tries.setdefault(problem, []).append(outcome == Outcome.CORRECT)
    return {problem: sum(right) / len(right) for problem, right in tries.items()}
