"""`compare`: one small model per data arm at an equal token budget, several seeds, the same held-out items for all.

Every arm starts from the same base (per seed), learns its own rows up to the budget, then the same common rows, which teach
the form of an answer to arms that never show one. An arm and seed is a file in the experiment's folder: what is there is not
made again. Not covered: budgets of several sizes (scaling curves).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from storage.atomic import write_text
from storage.errors import RecipeError, TrainingError
from storage.ids import digest
from storage.releases.reading import Release, rows_where
from storage.releases.shapes import shaped
from storage.releases.subset import budget_words, equal_budget
from synth.answers.outcome import Outcome
from synth.problems.base import Problem
from train_stages.config import CptConfig, SftConfig, SupervisedConfig
from train_stages.process.stage import MANIFEST
from train_stages.promotion.evaluate import ROWS, EvaluateConfig, Messages, evaluate
from train_stages.promotion.rejudging import judged_today
from train_stages.promotion.statistics import Share, clustered, paired_bootstrap
from train_stages.stages.cpt import cpt
from train_stages.stages.sft import sft


class Arm(BaseModel):
    """One way to spend the budget."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    where: str = Field(description="SQL condition over the columns of the release, for example method = 'tutorship'.")
    shape: Literal["messages", "text"] = Field(
        default="messages", description="`messages` learns answers only, `text` every token of plain text."
    )


class ExperimentConfig(BaseModel):
    """What is compared, and at which cost."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    release: str = Field(description="`name@version`, or the latest of `name`.")
    arms: dict[str, Arm] = Field(min_length=2, description="What is compared, by name.")
    tokens: int = Field(gt=0, description="Tokens that each arm is trained on; rows repeat where there are fewer.")
    common: str | None = Field(default=None, description="SQL condition of rows that every arm learns afterwards.")
    common_rows: int = Field(default=200, ge=1, description="How many of these; no arm learns them before.")
    common_tokens: int = Field(default=50_000, gt=0, description="Tokens of that training.")
    seeds: tuple[int, ...] = Field(default=(0, 1, 2), min_length=1, description="One training per arm and seed.")
    train: SftConfig = Field(SftConfig(), description="Settings of every arm, those of a stage `sft`.")
    evaluate: EvaluateConfig = Field(EvaluateConfig(), description="How every arm is examined.")


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
            for name, rows in groups.items():
                self.say(f"{name}, seed {seed}: {len(rows):,} rows")
                results.append(self._result_of(name, rows, common, seed))
        table = tabulate(results)
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

    def _result_of(
        self, name: str, rows: Sequence[Mapping[str, Any]], common: Sequence[Mapping[str, Any]], seed: int
    ) -> Any:
        arm = self.config.arms[name]
        plan = [self.config.model_dump(mode="json", exclude={"arms", "seeds"}), arm.model_dump(), seed]
        ids = [[row["sample_id"] for row in part] for part in (rows, common)]
        key = digest("experiment", plan, ids, [p.id for p in self.problems], self.release.content_hash, length=12)
        out = self.folder / f"{name}-{seed}-{key}.json"
        if not out.exists():
            trained = self._train(arm, rows, common, seed, self.folder / f"{name}-{seed}-{key}")
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
        self, arm: Arm, rows: Sequence[Mapping[str, Any]], common: Sequence[Mapping[str, Any]], seed: int, out: Path
    ) -> dict[str, Any]:
        config = self.config.train.model_copy(update={"budget_tokens": self.config.tokens})
        shapes = [dict(shape) for shape in shaped(rows, arm.shape)]
        if not shapes:
            raise TrainingError(f"{out.name}: none of its rows has the shape {arm.shape}")
        parent = self.base(seed)
        own = out.with_name(f"{out.name}-own")
        if not own.exists():
            if arm.shape == "text":
                texts = CptConfig.model_validate(config.model_dump(include=_SHARED))
                cpt(parent, pa.table({"text": [m["text"] for m in shapes]}), own, texts, seed=seed)
            else:
                sft(parent, pa.table({"messages": [m["messages"] for m in shapes]}), own, config, seed=seed)
        tokens = json.loads((own / MANIFEST).read_text(encoding="utf-8"))["tokens"]
        if not common:
            return {"path": own, "tokens": tokens}
        last = self.config.train.model_copy(update={"budget_tokens": self.config.common_tokens})
        chats = pa.table({"messages": [m["messages"] for m in shaped(common, "messages")]})
        if not out.exists():
            sft(own, chats, out, last, seed=seed)
        return {"path": out, "tokens": tokens}


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


def tabulate(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Put the arms side by side: accuracy over all seeds, problems as clusters, and the difference from the first arm."""
    names = list(dict.fromkeys(result["arm"] for result in results))
    rows = []
    for name in names:
        mine = [result for result in results if result["arm"] == name]
        line: dict[str, Any] = {"arm": name, "seeds": len(mine), "rows": mine[0]["rows"], "tokens": mine[0]["tokens"]}
        for mode in ("greedy", "sampled"):
            pairs = [(p, value) for result in mine for p, value in result["answers"][mode].items()]
            if not pairs:
                continue
            line[mode] = _share(clustered([value for _, value in pairs], [p for p, _ in pairs]))
            line[f"{mode}_by_seed"] = [
                round(sum(r["answers"][mode].values()) / len(r["answers"][mode]), 4) for r in mine
            ]
            line[f"{mode}_minus_{names[0]}"] = _difference(results, names[0], name, mode)
        rows.append(line)
    return {"arms": rows, "items": len(results[0]["answers"]["greedy"])}


def _difference(results: Sequence[Mapping[str, Any]], first: str, name: str, mode: str) -> list[float]:
    """Mean difference from the first arm over problems, each the mean of its seeds, with a paired bootstrap interval."""
    sums: dict[str, float] = {}
    for result in results:
        sign = (result["arm"] == name) - (result["arm"] == first)
        for problem, value in result["answers"][mode].items() if sign else ():
            sums[problem] = sums.get(problem, 0.0) + sign * value
    if not sums:
        return [0.0, 0.0, 0.0]
    seeds = len({result["seed"] for result in results})
    values = [total / seeds for total in sums.values()]
    return [round(value, 4) for value in (sum(values) / len(values), *paired_bootstrap(values))]


def _share(value: Share) -> list[float]:
    return [round(value.value, 4), round(value.low, 4), round(value.high, 4)]


def plot(table: Mapping[str, Any], path: Path) -> None:
    """Draw the arms with their intervals, and each seed as a point."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 0.6 * len(table["arms"]) + 1.2))
    for number, line in enumerate(table["arms"]):
        for offset, mode in ((-0.12, "greedy"), (0.12, "sampled")):
            if mode not in line:
                continue
            value, low, high = line[mode]
            colour = "C0" if mode == "greedy" else "C1"
            axes.errorbar(value, number + offset, xerr=[[value - low], [high - value]], fmt="o", color=colour, capsize=3,
                          label=mode if number == 0 else None)  # fmt: skip
            axes.plot(line[f"{mode}_by_seed"], [number + offset] * line["seeds"], "|", color=colour)
    axes.set_yticks(range(len(table["arms"])), [line["arm"] for line in table["arms"]])
    axes.invert_yaxis()
    axes.set_xlabel(f"share correct of {table['items']} held-out problems, 95 % intervals; ticks are seeds")
    axes.legend()
    figure.tight_layout()
    figure.savefig(path)
    pyplot.close(figure)
