"""Whether a candidate may take the incumbent's place: a paired test on the same held-out items.

What this cannot see: repeated looks at the same items. Whoever calls it draws fresh items for each decision, or spends
`alpha` over the looks.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from storage.errors import TrainingError
from synth.problems.base import Outcome
from train_stages.statistics import McNemar, Share, mcnemar, paired_bootstrap, wilson

Group = tuple[str, int]


class PromoteConfig(BaseModel):
    """What a candidate has to show."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    alpha: float = Field(default=0.05, gt=0, lt=1, description="Level of the two-sided McNemar test over all items.")
    min_effect: float = Field(default=0.01, ge=0, le=1, description="Least gain in greedy accuracy over all items.")
    guard_alpha: float = Field(
        default=0.05, gt=0, lt=1, description="Level of the one-sided test for a drop in each task and tier."
    )
    guard_effect: float = Field(
        default=0.03, ge=0, le=1, description="A drop in a task and tier that is smaller than this is tolerated."
    )


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models on the same items.

    Attributes:
        group: Task and tier, or None for all items.
        incumbent: The incumbent's greedy accuracy.
        candidate: The candidate's greedy accuracy.
        test: The paired test; `lost` is b, `gained` is c.
    """

    group: Group | None
    incumbent: Share
    candidate: Share
    test: McNemar

    @property
    def effect(self) -> float:
        """The candidate's accuracy minus the incumbent's."""
        return self.candidate.value - self.incumbent.value

    def __str__(self) -> str:
        test = self.test
        changes = f"{test.gained} gained and {test.lost} lost, p={test.p:.3g}"
        return f"{self.incumbent} to {self.candidate}, n={test.n}, {changes}"


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, and on what evidence.

    Attributes:
        outcome: `promoted`; `refused` when there is evidence against the candidate or its gain is too small to matter;
            `undecided` when the items cannot tell.
        reason: One sentence.
        overall: All items together.
        groups: Each task and tier.
    """

    outcome: Literal["promoted", "refused", "undecided"]
    reason: str
    overall: Comparison
    groups: tuple[Comparison, ...]


def compare(incumbent_rows: pa.Table, candidate_rows: pa.Table, config: PromoteConfig | None = None) -> Decision:
    """Decide by the greedy answers of two evaluations of the same items.

    Args:
        incumbent_rows: Rows of the incumbent's `Evaluation`.
        candidate_rows: Rows of the candidate's.
        config: What the candidate has to show.

    Raises:
        TrainingError: The two were not asked the same items, or none.
    """
    config = config or PromoteConfig()
    before, after = _greedy(incumbent_rows), _greedy(candidate_rows)
    _same_items(set(before), set(after))
    groups: dict[Group, list[str]] = defaultdict(list)
    for problem, (group, _) in before.items():
        groups[group].append(problem)
    compared = tuple(_compare(group, items, before, after) for group, items in sorted(groups.items()))
    overall = _compare(None, list(before), before, after)
    outcome, reason = _decide(overall, compared, config)
    return Decision(outcome, reason, overall, compared)


def _decide(
    overall: Comparison, groups: tuple[Comparison, ...], config: PromoteConfig
) -> tuple[Literal["promoted", "refused", "undecided"], str]:
    worse = [
        found for found in groups if found.test.p_worse <= config.guard_alpha and -found.effect >= config.guard_effect
    ]
    if worse:
        drop = min(worse, key=lambda found: found.effect)
        name = f"{drop.group[0]} tier {drop.group[1]}" if drop.group else "all items"
        return "refused", f"It is worse at {name}: {drop}."
    if overall.test.p <= config.alpha and overall.effect < 0:
        return "refused", f"It is worse: {overall}."
    if overall.test.p > config.alpha:
        return "undecided", f"These items cannot tell the two apart: {overall}."
    if overall.effect < config.min_effect:
        return "refused", f"Its gain of {overall.effect:.3f} is below min_effect={config.min_effect}: {overall}."
    return "promoted", f"It is better: {overall}."


@dataclass(frozen=True, slots=True)
class Kept:
    """Whether the result of reinforcement learning is kept.

    Attributes:
        keep: True when it is not worse than what it started from.
        reason: One sentence.
        before: Mean share of correct samples (avg@k) before.
        after: The same after.
        low: Lower end of the 95 % bootstrap interval of the difference, over problems.
        high: Upper end.
        greedy: The greedy answers, paired.
    """

    keep: bool
    reason: str
    before: float
    after: float
    low: float
    high: float
    greedy: Comparison


def keep_rl(before_rows: pa.Table, after_rows: pa.Table, config: PromoteConfig | None = None) -> Kept:
    """Keep what reinforcement learning made only if it is not worse than what it started from.

    Its metric is sampled accuracy: avg@k must not fall, by a paired comparison per problem, and greedy answers must
    not be significantly worse (`guard_alpha`). This chooses a candidate; it is no evidence for a promotion.

    Raises:
        TrainingError: The two were not asked the same items, or not sampled.
    """
    config = config or PromoteConfig()
    before, after = _sampled(before_rows), _sampled(after_rows)
    _same_items(set(before), set(after))
    differences = [after[problem] - before[problem] for problem in sorted(before)]
    low, high = paired_bootstrap(differences)
    old, new = sum(before.values()) / len(before), sum(after.values()) / len(after)
    greedy_before, greedy_after = _greedy(before_rows), _greedy(after_rows)
    greedy = _compare(None, list(greedy_before), greedy_before, greedy_after)
    figures = f"sampled {old:.3f} to {new:.3f}, difference [{low:+.3f}, {high:+.3f}]; greedy {greedy}"
    if greedy.test.p_worse <= config.guard_alpha:
        return Kept(False, f"Dropped, greedy answers are worse: {figures}.", old, new, low, high, greedy)
    if new < old:
        return Kept(False, f"Dropped, sampled answers are worse: {figures}.", old, new, low, high, greedy)
    return Kept(True, f"Kept, not worse: {figures}.", old, new, low, high, greedy)


def _greedy(rows: pa.Table) -> dict[str, tuple[Group, bool]]:
    columns = ("problem_id", "task", "tier", "mode", "outcome")
    return {
        problem: ((task, tier), outcome == Outcome.CORRECT)
        for problem, task, tier, mode, outcome in zip(*(rows[c].to_pylist() for c in columns), strict=True)
        if mode == "greedy"
    }


def _sampled(rows: pa.Table) -> dict[str, float]:
    tries: dict[str, list[bool]] = defaultdict(list)
    columns = ("problem_id", "mode", "outcome")
    for problem, mode, outcome in zip(*(rows[c].to_pylist() for c in columns), strict=True):
        if mode == "sampled":
            tries[problem].append(outcome == Outcome.CORRECT)
    return {problem: sum(right) / len(right) for problem, right in tries.items()}


def _same_items(before: set[str], after: set[str]) -> None:
    if not before or before != after:
        raise TrainingError(
            f"the two evaluations are not of the same items: {len(before)} and {len(after)}, of which "
            f"{len(before & after)} in common; evaluate both models on one set"
        )


def _compare(
    group: Group | None, items: list[str], before: dict[str, tuple[Group, bool]], after: dict[str, tuple[Group, bool]]
) -> Comparison:
    old, new = [before[item][1] for item in items], [after[item][1] for item in items]
    return Comparison(group, wilson(sum(old), len(old)), wilson(sum(new), len(new)), mcnemar(old, new))
