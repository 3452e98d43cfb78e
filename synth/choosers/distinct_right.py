"""Every right candidate that calculates otherwise than those before it (RFT, arXiv:2308.01825, section 3.3)."""

from collections.abc import Sequence

from synth.choosers.base import Choice, Choosing, Scores, chooser, right
from synth.problems.equations import equations
from synth.problems.steps import content_lines
from synth.scorers.base import Candidate


def equation_list(text: str) -> tuple[str, ...]:
    """Return the equations of a solution in their order, without white space: `2 + 3 = 5` is not `3 + 2 = 5`."""
    found = (equation for line in content_lines(text) for equation in equations(line))
    return tuple("".join(f"{equation.left.text}={equation.right.text}".split()) for equation in found)


@chooser("distinct_right", needs=("answer",))
def distinct_right(candidates: Sequence[Candidate], scores: Scores, told: Choosing) -> Choice:
    """Each right one whose list of equations none before it has; of those without an equation the first alone."""
    kept: dict[tuple[str, ...], int] = {}
    for number in right(scores):
        kept.setdefault(equation_list(candidates[number].text), number)
    return Choice(tuple(kept.values()))
