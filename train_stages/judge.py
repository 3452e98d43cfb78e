"""Judging: a checkpoint is asked the held-out items, compared with another, and promoted or not. Every response is kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storage.checkpoints import Checkpoint, record_promotion
from storage.errors import TrainingError
from storage.evaluations import evaluation_key, find_evaluation, record_evaluation, set_version
from storage.lake import Lake
from storage.nights import problem_rows
from synth.problems.base import Problem
from synth.prompting import Prompts
from synth.sample import problem_of
from train_stages.config import read_config
from train_stages.evaluate import EvaluateConfig, Evaluation, evaluate, summarise
from train_stages.promote import Decision, Kept, PromoteConfig, compare, keep_rl


@dataclass(frozen=True)
class Judge:
    """Who evaluates and decides.

    Attributes:
        lake: The lake.
        night: The night it judges for.
        prompts: The night's prompts; problems are asked as they were in synthesis and training.
        tasks: Only items of these tasks; None means all.
        seed: Seed of the sampled responses.
    """

    lake: Lake
    night: str
    prompts: Prompts
    tasks: tuple[str, ...] | None = None
    seed: int = 0

    def messages(self, problem: Problem) -> list[dict[str, str]]:
        """Render a problem as a model is asked it."""
        return list(self.prompts.messages("solve", {"problem": problem}))

    def evaluate(self, checkpoint: Checkpoint, split: str, options: Mapping[str, Any]) -> Evaluation:
        """Ask a checkpoint every problem of a held-out split, or look up what it answered before.

        Raises:
            TrainingError: The split is empty.
        """
        config = read_config(EvaluateConfig, options, "train.evaluate")
        problems = [problem_of(row) for row in problem_rows(self.lake, splits=[split])]
        if self.tasks is not None:
            problems = [problem for problem in problems if problem.task in self.tasks]
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
