"""What a chooser is: a pure function of candidates and their scores. It asks nobody, so it may be run again over old scores.

@chooser("first_right", needs=("answer",))
def first_right(candidates, scores, told):
    return take(number for number, score in enumerate(scores["answer"]) if score.value == 1)
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from synth.scorers.base import Candidate, Score

Scores = Mapping[str, Sequence[Score]]
"""One score per candidate, by the name of the scorer."""


@dataclass(frozen=True, slots=True)
class Choosing:
    """How a chooser is to choose, where it leaves that open.

    Attributes:
        seed: Of choosers that draw.
        by: The scorer whose values rank the candidates, for choosers that say `ranks`.
        margin: How much the better half of a pair must be ahead.
        share: Share of the votes that a majority must have; the ρ of length control.
    """

    seed: int = 0
    by: str = ""
    margin: float = 0.0
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen.

    Attributes:
        taken: Numbers of the candidates that are taken, the best first.
        worse: Number of the worse half of a pair; None where the chooser makes none.
    """

    taken: tuple[int, ...] = ()
    worse: int | None = None


Choose = Callable[[Sequence[Candidate], Scores, Choosing], Choice]


@dataclass(frozen=True)
class Chooser:
    """A registered chooser.

    Attributes:
        name: Name used in recipes.
        choose: From the candidates, their scores and how to choose to what is taken; it may take none.
        summary: One line for people.
        needs: Scorers that it looks at.
        ranks: Whether it looks at the scorer that `Choosing.by` names, too.
        pairs: Whether it names a worse candidate beside the best.
    """

    name: str
    choose: Choose
    summary: str
    needs: tuple[str, ...] = ()
    ranks: bool = False
    pairs: bool = False

    @property
    def control(self) -> str:
        """The chooser that takes as many by lot."""
        return "random_pair" if self.pairs else "random"

    def __call__(self, candidates: Sequence[Candidate], scores: Scores, told: Choosing) -> Choice:
        """Choose."""
        return self.choose(candidates, scores, told)


def chooser(
    name: str, *, needs: tuple[str, ...] = (), ranks: bool = False, pairs: bool = False
) -> Callable[[Choose], Chooser]:
    """Make a chooser of a function. Its docstring's first line becomes the summary."""

    def decorate(choose: Choose) -> Chooser:
        return Chooser(name, choose, (choose.__doc__ or name).strip().splitlines()[0], needs, ranks, pairs)

    return decorate


def take(numbers: Iterable[int]) -> Choice:
    """Take the first of some numbers; none where there is none."""
    first = next(iter(numbers), None)
    return Choice() if first is None else Choice((first,))


def right(scores: Scores) -> list[int]:
    """Return the numbers of the candidates that are known to be right, in the order of sampling."""
    return [number for number, score in enumerate(scores["answer"]) if score.value == 1]


def valued(scores: Scores, by: str) -> list[tuple[float, int]]:
    """Return value and number of each candidate that has a value by a scorer, in the order of sampling."""
    return [(score.value, number) for number, score in enumerate(scores[by]) if score.value is not None]
