"""What a chooser is: a pure function of candidates and their scores. It asks nobody, so it may be run again over old scores.

@chooser("first_right", needs=("answer",))
def first_right(candidates, scores, seed):
    return first(number for number, score in enumerate(scores["answer"]) if score.value == 1)
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from synth.scorers.base import Candidate, Score

Scores = Mapping[str, Sequence[Score]]
"""One score per candidate, by the name of the scorer."""
Choose = Callable[[Sequence[Candidate], Scores, int], int | None]


@dataclass(frozen=True)
class Chooser:
    """A registered chooser.

    Attributes:
        name: Name used in recipes.
        choose: From the candidates, their scores and a seed to the number of the one that is taken; None takes none.
        summary: One line for people.
        needs: Scorers that it looks at.
    """

    name: str
    choose: Choose
    summary: str
    needs: tuple[str, ...] = ()

    def __call__(self, candidates: Sequence[Candidate], scores: Scores, seed: int) -> int | None:
        """Choose."""
        return self.choose(candidates, scores, seed)


def chooser(name: str, *, needs: tuple[str, ...] = ()) -> Callable[[Choose], Chooser]:
    """Make a chooser of a function. Its docstring's first line becomes the summary."""

    def decorate(choose: Choose) -> Chooser:
        return Chooser(name, choose, (choose.__doc__ or name).strip().splitlines()[0], needs)

    return decorate


def first(numbers: Iterator[int]) -> int | None:
    """Return the first number; None where there is none."""
    return next(numbers, None)
