"""How responses behave while a model learns by reinforcement: do they reflect, how long are right and wrong ones, what is cut off.

Longer responses are not yet reflection (arXiv:2503.18892): right and wrong ones are counted apart. Each figure is a curve of the
stage, `behaviour/...`.
"""

import re
from collections.abc import Sequence

REFLECTION = re.compile(
    r"\b(?:wait|hmm|alternatively|let me (?:check|re-?check|verify|try again|reconsider)|double[- ]check|on second thought"
    r"|i made a mistake|that(?:'s| is) (?:not right|wrong))\b",
    re.IGNORECASE,
)
"""Words by which a text goes back on itself; a list of ours, after those that papers count."""


def behaviour(
    texts: Sequence[str], lengths: Sequence[int], correct: Sequence[float | None], longest: int
) -> dict[str, float]:
    """Count what responses do.

    Args:
        texts: The responses.
        lengths: Tokens of each.
        correct: 1 or 0 by the checker, None where it cannot decide.
        longest: The most that a response may have; one of this length is taken for cut off.

    Returns:
        `correct`, the checker's share of right ones among those decided, whatever is rewarded; `reflecting`, the share with a
        word of `REFLECTION`; `reflecting_right`, the same of the right ones; `right_tokens` and `wrong_tokens`, mean lengths;
        `cut_off`, the share that is of the longest length. What there is none to count of is left out.
    """
    decided = [value for value in correct if value is not None]
    reflecting = [bool(REFLECTION.search(text)) for text in texts]
    right = [number for number, value in enumerate(correct) if value == 1.0]
    wrong = [number for number, value in enumerate(correct) if value == 0.0]
    figures = {
        "correct": _mean(decided),
        "reflecting": _mean(reflecting),
        "reflecting_right": _mean([reflecting[number] for number in right]),
        "right_tokens": _mean([lengths[number] for number in right]),
        "wrong_tokens": _mean([lengths[number] for number in wrong]),
        "cut_off": _mean([length >= longest for length in lengths]),
    }
    return {name: value for name, value in figures.items() if value is not None}


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
