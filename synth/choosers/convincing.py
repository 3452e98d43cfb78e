"""Which candidate is worth a label of its steps: a wrong one that looks right (arXiv:2305.20050, section 4)."""

import random
from collections.abc import Sequence

from synth.choosers.base import Choice, Choosing, Scores, chooser, take, valued
from synth.scorers.base import Candidate

WRONG_SHARE = 0.8
"""Share of the problems of which a wrong one is taken; the paper's, as read."""


@chooser("convincing", needs=("answer",), ranks=True)
def convincing(candidates: Sequence[Candidate], scores: Scores, told: Choosing) -> Choice:
    """The wrong one that the scorer `by` finds best, in four of five problems; else the best of the others."""
    ranked = [number for _, number in sorted(valued(scores, told.by), key=lambda pair: (-pair[0], pair[1]))]
    wrong = [number for number in ranked if scores["answer"][number].value == 0]
    others = [number for number in ranked if number not in set(wrong[:1])]
    chosen = random.Random(told.seed).random() < WRONG_SHARE
    return take(wrong if wrong and (chosen or not others) else others)
