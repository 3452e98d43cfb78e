"""Whether a candidate may take the incumbent's place: a paired test on the same held-out items, with guards.

docs/promotion.md has the rule, its mathematics and its power by number of items; `benchmarks/gate.py` measures both.
What this cannot see: repeated looks at the same items. Whoever calls it says at which level it may test (`level`).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from storage.errors import TrainingError
from synth.answers.outcome import Outcome
from train_stages.promotion.statistics import McNemar, Share, mcnemar, paired_bootstrap, paired_upper, wilson
from train_stages.promotion.text_loss import TextChange

Group = tuple[str, int]
Verdict = Literal["promoted", "refused", "undecided", "waiting"]


class PromoteConfig(BaseModel):
    """What a candidate has to show."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: Literal["greedy", "sampled"] = Field(
        default="greedy",
        description="`greedy`: exact McNemar test; `sampled`: paired bootstrap of avg@k, for nights of RL only.",
    )
    alpha: float = Field(default=0.05, gt=0, lt=1, description="Level of the two-sided test over all items.")
    min_effect: float = Field(default=0.01, ge=0, le=1, description="Least gain in accuracy over all items.")
    guard_alpha: float = Field(
        default=0.05, gt=0, lt=1, description="Level of the one-sided test for a drop in each task and tier."
    )
    guard_effect: float = Field(
        default=0.03, ge=0, le=1, description="A drop in a task and tier that is smaller than this is tolerated."
    )
    text_effect: float = Field(
        default=0.02, ge=0, description="A relative rise of the loss on held-out text up to this is tolerated."
    )
    fresh: bool = Field(
        default=True, description="Draw items that were never looked at for each decision, where the source can."
    )
    approval: Literal["person"] | None = Field(
        default=None, description="`person`: what would be promoted waits for `nightschool model promote`."
    )


@dataclass(frozen=True, slots=True)
class Sampled:
    """Sampled accuracy (avg@k) of two models on the same items.

    Attributes:
        before: The incumbent's.
        after: The candidate's.
        low: Lower end of the bootstrap interval of the difference, at the level of the test.
        high: Upper end.
        upper: One-sided 95 % upper bound of the difference (1 - alpha in general).
    """

    before: float
    after: float
    low: float
    high: float
    upper: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models on the same items.

    Attributes:
        group: Task and tier, the name of a benchmark, or None for all items.
        incumbent: The incumbent's greedy accuracy.
        candidate: The candidate's greedy accuracy.
        test: The paired test; `lost` is b, `gained` is c.
    """

    group: Group | str | None
    incumbent: Share
    candidate: Share
    test: McNemar

    @property
    def name(self) -> str:
        """What it is about, in words."""
        if self.group is None:
            return "all items"
        return self.group if isinstance(self.group, str) else f"{self.group[0]} tier {self.group[1]}"

    @property
    def effect(self) -> float:
        """The candidate's accuracy minus the incumbent's."""
        return self.candidate.value - self.incumbent.value

    def worse(self, config: PromoteConfig) -> bool:
        """Whether there is evidence of a drop that is not tolerated."""
        return self.test.p_worse <= config.guard_alpha and -self.effect >= config.guard_effect

    def __str__(self) -> str:
        test = self.test
        changes = f"{test.gained} gained and {test.lost} lost, p={test.p:.3g}"
        return f"{self.incumbent} to {self.candidate}, n={test.n}, {changes}"


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, and on what evidence.

    Attributes:
        outcome: `promoted`; `refused` when there is evidence against the candidate, or that its gain is too small to
            matter; `undecided` when the items cannot tell; `waiting` when a person has to say yes.
        reason: One sentence.
        overall: All items together, greedy.
        groups: Each task and tier.
        others: What else it must not lose: benchmarks, and tasks that it was not trained on.
        sampled: Sampled accuracy; None when the metric is greedy.
        text: Loss on held-out text; None without such text.
        level: Level of the test, after the spending for repeated looks.
    """

    outcome: Verdict
    reason: str
    overall: Comparison
    groups: tuple[Comparison, ...]
    others: tuple[Comparison, ...] = ()
    sampled: Sampled | None = None
    text: TextChange | None = None
    level: float = 0.05


def compare(
    incumbent_rows: pa.Table,
    candidate_rows: pa.Table,
    config: PromoteConfig | None = None,
    *,
    level: float | None = None,
    others: Mapping[str, tuple[pa.Table, pa.Table]] | None = None,
    text: TextChange | None = None,
) -> Decision:
    """Decide by two evaluations of the same items.

    Args:
        incumbent_rows: Rows of the incumbent's `Evaluation`.
        candidate_rows: Rows of the candidate's.
        config: What the candidate has to show.
        level: Level of the test when these items were looked at before (`spent_alpha`); None takes `config.alpha`.
        others: Further evaluations by name, the incumbent's rows first: they can refuse, never promote.
        text: Loss on held-out text before and after.

    Raises:
        TrainingError: The two were not asked the same items, or none, or not sampled where the metric needs it.
    """
    config = config or PromoteConfig()
    level = config.alpha if level is None else level
    before, after = _greedy(incumbent_rows), _greedy(candidate_rows)
    _same_items(set(before), set(after))
    groups: dict[Group, list[str]] = defaultdict(list)
    for problem, (group, _) in before.items():
        groups[group].append(problem)
    compared = tuple(_compare(group, items, before, after) for group, items in sorted(groups.items()))
    overall = _compare(None, list(before), before, after)
    sampled = _compare_sampled(incumbent_rows, candidate_rows, config, level) if config.metric == "sampled" else None
    other_comparisons = tuple(compare_greedy(name, old, new) for name, (old, new) in sorted((others or {}).items()))
    draft = Decision("undecided", "", overall, compared, other_comparisons, sampled, text, level)
    outcome, reason = _guarded(draft, config) or _tested(draft, config)
    if outcome == "promoted" and config.approval == "person":
        outcome, reason = "waiting", f"It waits for a person (`nightschool model promote`). {reason}"
    return replace(draft, outcome=outcome, reason=reason)


def compare_greedy(name: str, incumbent_rows: pa.Table, candidate_rows: pa.Table) -> Comparison:
    """Compare two evaluations of the same items by their greedy answers, under a name.

    Raises:
        TrainingError: The two were not asked the same items, or none.
    """
    before, after = _greedy(incumbent_rows), _greedy(candidate_rows)
    _same_items(set(before), set(after))
    return _compare(name, list(before), before, after)


def _guarded(draft: Decision, config: PromoteConfig) -> tuple[Verdict, str] | None:
    """Refuse what was forgotten."""
    worse = [part for part in (*draft.groups, *draft.others) if part.worse(config)]
    if worse:
        drop = min(worse, key=lambda part: part.effect)
        return "refused", f"It is worse at {drop.name}: {drop}."
    if draft.text is not None and draft.text.worse(config.text_effect):
        return "refused", f"It forgot general text: {draft.text}; text_effect={config.text_effect:g} is tolerated."
    return None


def _tested(draft: Decision, config: PromoteConfig) -> tuple[Verdict, str]:
    """Decide by the test of the metric, and by what a gain of `min_effect` would have shown."""
    if draft.sampled is None:
        test, effect = draft.overall.test, draft.overall.effect
        shown, significant = str(draft.overall), test.p <= draft.level
        upper = paired_upper(test.lost, test.gained, test.n, 1 - config.alpha)
    else:
        sampled = draft.sampled
        effect, upper = sampled.after - sampled.before, sampled.upper
        significant = sampled.low > 0 or sampled.high < 0
        shown = (
            f"sampled {sampled.before:.3f} to {sampled.after:.3f}, difference [{sampled.low:+.3f}, {sampled.high:+.3f}], "
            f"n={draft.overall.test.n}; greedy {draft.overall}"
        )
    if draft.level < config.alpha:
        shown += f", level {draft.level:.3g} after earlier looks at these items"
    if significant and effect < 0:
        return "refused", f"It is worse: {shown}."
    if significant and effect >= config.min_effect:
        return "promoted", f"It is better: {shown}."
    if upper < config.min_effect:
        return "refused", (
            f"It is not better by min_effect={config.min_effect:g}: at most {upper:+.3f} "
            f"({100 * (1 - config.alpha):g} % bound); {shown}."
        )
    if significant:
        return "refused", f"Its gain of {effect:.3f} is below min_effect={config.min_effect:g}: {shown}."
    return "undecided", f"These items cannot tell the two apart: {shown}."


def _compare_sampled(before_rows: pa.Table, after_rows: pa.Table, config: PromoteConfig, level: float) -> Sampled:
    before, after = _sampled(before_rows), _sampled(after_rows)
    _same_items(set(before), set(after))
    items = sorted(before)
    differences = [after[item] - before[item] for item in items]
    low, high = paired_bootstrap(differences, level=1 - level)
    _, upper = paired_bootstrap(differences, level=1 - 2 * config.alpha)
    return Sampled(_mean([before[i] for i in items]), _mean([after[i] for i in items]), low, high, upper)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


@dataclass(frozen=True, slots=True)
class Kept:
    """Whether the result of reinforcement learning is kept.

    Attributes:
        keep: True when it is not worse than what it started from.
        reason: One sentence.
        before: Mean share of correct samples (avg@k) before; of correct greedy answers where there are no samples.
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
    not be significantly worse (`guard_alpha`). Without samples (`evaluate: {samples: 0}`) it is greedy accuracy, which must not
    fall. This chooses a candidate; it is no evidence for a promotion.

    Raises:
        TrainingError: The two were not asked the same items.
    """
    config = config or PromoteConfig()
    greedy_before, greedy_after = _greedy(before_rows), _greedy(after_rows)
    before, after, answers = _sampled(before_rows), _sampled(after_rows), "sampled"
    if not before and not after:
        before, after = (
            {item: float(right) for item, (_, right) in rows.items()} for rows in (greedy_before, greedy_after)
        )
        answers = "greedy"
    _same_items(set(before), set(after))
    differences = [after[problem] - before[problem] for problem in sorted(before)]
    low, high = paired_bootstrap(differences)
    old, new = sum(before.values()) / len(before), sum(after.values()) / len(after)
    greedy = _compare(None, list(greedy_before), greedy_before, greedy_after)
    figures = f"{answers} {old:.3f} to {new:.3f}, difference [{low:+.3f}, {high:+.3f}]; greedy {greedy}"
    if greedy.test.p_worse <= config.guard_alpha:
        return Kept(False, f"Dropped, greedy answers are worse: {figures}.", old, new, low, high, greedy)
    if new < old:
        return Kept(False, f"Dropped, {answers} answers are worse: {figures}.", old, new, low, high, greedy)
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
    group: Group | str | None,
    items: list[str],
    before: dict[str, tuple[Group, bool]],
    after: dict[str, tuple[Group, bool]],
) -> Comparison:
    old, new = [before[item][1] for item in items], [after[item][1] for item in items]
    return Comparison(group, wilson(sum(old), len(old)), wilson(sum(new), len(new)), mcnemar(old, new))
