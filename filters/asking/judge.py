"""A judge: a model scores rows from 1 to 5 by two prompts, and rejects nothing before it has proved that it can tell.

    models:
      judge: {engine: vllm, endpoint: ..., name: ..., revision: ...}
    filters:
      judge: {role: judge}

The scores are asked for before curation (`filters.asking.judging`), among them those of rows whose answer is known to be wrong.
Where the correctness scores agree with the checked answers (Cohen's kappa, the lower end of its 95 % bootstrap
interval), low scores reject; where they do not, or too few answers are known, the scores are only recorded.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import Field

from filters.base import PASS, Context, Finding, Options, fail, night_filter
from filters.evidence import Judgements
from filters.rows import Row

ASPECTS = ("correctness", "clarity")
"""What is scored; the prompts are `<aspect>.jinja`, beside this file."""

_DRAWS = 1_000


class JudgeOptions(Options):
    """Options of `judge`. All numbers are our own choice."""

    role: str | None = Field(default=None, description="Role in the recipe's models that judges; None asks nobody.")
    least: int = Field(default=4, ge=2, le=5, description="Both scores must reach this.")
    audit: int = Field(
        default=200, ge=0, description="Rows with a wrong answer that are judged too, to test the judge."
    )
    least_kappa: float = Field(
        default=0.6,
        ge=0,
        le=1,
        description="Agreement with checked answers that the judge must show, at the lower end.",
    )
    least_known: int = Field(default=30, ge=1, description="Right and wrong rows, of each, that must have been judged.")
    max_tokens: int = Field(default=256, ge=8, description="Upper bound on a judgement.")


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far a judge agrees with checked answers.

    Attributes:
        right: Judged rows whose answer is right.
        wrong: Judged rows whose answer is wrong.
        kappa: Cohen's kappa (1960); 0 is chance, 1 is perfect.
        kappa_interval: Its 95 % bootstrap interval.
        balanced_accuracy: Mean of the shares of right rows called right and wrong rows called wrong.
        balanced_accuracy_interval: Its 95 % bootstrap interval.
    """

    right: int
    wrong: int
    kappa: float
    kappa_interval: tuple[float, float]
    balanced_accuracy: float
    balanced_accuracy_interval: tuple[float, float]

    def trusted(self, options: JudgeOptions) -> bool:
        """Whether the judge may reject."""
        enough = min(self.right, self.wrong) >= options.least_known
        return enough and self.kappa_interval[0] >= options.least_kappa


def agreement(pairs: Sequence[tuple[bool, bool]], *, seed: int = 0) -> Agreement:
    """Measure agreement.

    Args:
        pairs: For each row whether its answer is right, and whether the judge calls it right.
        seed: Seed of the bootstrap, which draws right and wrong rows apart.
    """
    sides = [[said for right, said in pairs if right is side] for side in (True, False)]
    rng = random.Random(seed)
    drawn = [[rng.choices(side, k=len(side)) if side else [] for side in sides] for _ in range(_DRAWS)]
    kappas, accuracies = (sorted(measure(*one) for one in drawn) for measure in (_kappa, _balanced))
    return Agreement(
        len(sides[0]), len(sides[1]), _kappa(*sides), _ends(kappas), _balanced(*sides), _ends(accuracies)
    )  # fmt: skip


def _ends(ordered: Sequence[float]) -> tuple[float, float]:
    return ordered[int(0.025 * len(ordered))], ordered[int(0.975 * len(ordered)) - 1]


def _kappa(right: Sequence[bool], wrong: Sequence[bool]) -> float:
    count = len(right) + len(wrong)
    if not count:
        return 0.0
    yes = sum(right) + sum(wrong)
    same = (sum(right) + len(wrong) - sum(wrong)) / count
    chance = (len(right) * yes + len(wrong) * (count - yes)) / count**2
    return (same - chance) / (1 - chance) if chance < 1 else 0.0


def _balanced(right: Sequence[bool], wrong: Sequence[bool]) -> float:
    if not right or not wrong:
        return 0.0
    return (sum(right) / len(right) + 1 - sum(wrong) / len(wrong)) / 2


def agreement_of(judged: Judgements, options: JudgeOptions) -> Agreement:
    """Measure the agreement of correctness scores with checked answers; a score that is missing calls nothing right."""
    pairs = [
        (judged.known[one], (scores.get("correctness") or 0) >= options.least)
        for one, scores in sorted(judged.scores.items())
        if one in judged.known
    ]
    return agreement(pairs)


@night_filter("judge", version="1", options=JudgeOptions)
def judge(rows: Sequence[Row], context: Context, options: JudgeOptions) -> Mapping[str, Finding]:
    """A judge that agrees with checked answers scores the row high enough; rows that nobody judged pass."""
    judged = context.judgements
    if options.role is None or judged is None or not judged.scores:
        return {row.sample_id: PASS for row in rows}
    trust = agreement_of(judged, options)
    said = {
        "kappa": round(trust.kappa, 3), "kappa_low": round(trust.kappa_interval[0], 3), "may_reject": trust.trusted(options),
        "balanced_accuracy": round(trust.balanced_accuracy, 3), "known": trust.right + trust.wrong,
    }  # fmt: skip
    return {row.sample_id: _finding(judged.scores.get(row.sample_id), said, options) for row in rows}


def _finding(scores: Mapping[str, int | None] | None, said: Mapping[str, object], options: JudgeOptions) -> Finding:
    if scores is None:
        return PASS
    detail = {**scores, **said}
    if not said["may_reject"]:
        return Finding("pass", detail=detail)
    for aspect in ASPECTS:
        score = scores.get(aspect)
        if score is None:
            return Finding("unknown", "no_score", detail)
        if score < options.least:
            return fail(f"low_{aspect}", **detail)
    return Finding("pass", detail=detail)
