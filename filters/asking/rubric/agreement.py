"""How far a grader agrees with checked answers: Cohen's kappa (1960) and balanced accuracy, with bootstrap intervals."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

_DRAWS = 1_000


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far a grader agrees with checked answers.

    Attributes:
        right: Graded rows whose answer is right.
        wrong: Graded rows whose answer is wrong.
        kappa: Cohen's kappa; 0 is chance, 1 is perfect.
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

    @property
    def least(self) -> int:
        """The smaller of the two counts of rows."""
        return min(self.right, self.wrong)


def agreement(pairs: Sequence[tuple[bool, bool]], *, seed: int = 0) -> Agreement:
    """Measure agreement.

    Args:
        pairs: For each row whether its answer is right, and whether the grader calls it right.
        seed: Seed of the bootstrap, which draws right and wrong rows apart.
    """
    right, wrong = ([called for correct, called in pairs if correct is side] for side in (True, False))
    rng = random.Random(seed)
    draws = [([rng.choices(side, k=len(side)) if side else [] for side in (right, wrong)]) for _ in range(_DRAWS)]
    kappas, accuracies = (sorted(measure(*draw) for draw in draws) for measure in (_kappa, _balanced))
    return Agreement(
        len(right), len(wrong), _kappa(right, wrong), _interval(kappas), _balanced(right, wrong), _interval(accuracies)
    )  # fmt: skip


def _interval(ordered: Sequence[float]) -> tuple[float, float]:
    return ordered[int(0.025 * len(ordered))], ordered[int(0.975 * len(ordered)) - 1]


def _kappa(right: Sequence[bool], wrong: Sequence[bool]) -> float:
    count = len(right) + len(wrong)
    if not count:
        return 0.0
    called_right = sum(right) + sum(wrong)
    same = (sum(right) + len(wrong) - sum(wrong)) / count
    chance = (len(right) * called_right + len(wrong) * (count - called_right)) / count**2
    return (same - chance) / (1 - chance) if chance < 1 else 0.0


def _balanced(right: Sequence[bool], wrong: Sequence[bool]) -> float:
    if not right or not wrong:
        return 0.0
    return (sum(right) / len(right) + 1 - sum(wrong) / len(wrong)) / 2
