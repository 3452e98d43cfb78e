"""Comparing expressions, by exact values or many digits."""

from functools import lru_cache

from synth.answers.algebra import equality
from synth.answers.algebra.tokens import Tree
from synth.answers.algebra.trees import symbols
from synth.answers.comparing.outcomes import CORRECT, UNVERIFIABLE, equally
from synth.answers.outcome import Outcome


def compare_trees(gold: Tree, answer: Tree) -> Outcome:
    """Compare two expressions."""
    if gold[0] == answer[0] == "n":
        return equally(gold[1] == answer[1])
    if gold == answer:
        return CORRECT
    left, right = symbols(gold), symbols(answer)
    same = _equal(gold, answer)
    if same is False and left != right and {name.lower() for name in left} == {name.lower() for name in right}:
        return UNVERIFIABLE  # letters in another case may be meant for the same
    return UNVERIFIABLE if same is None else equally(same)


@lru_cache(maxsize=10_000)
def _equal(gold: Tree, answer: Tree) -> bool | None:
    return equality.equal(gold, answer)
