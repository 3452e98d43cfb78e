"""Scores of answers, by the library's own scorers, in processes that are killed when they take too long."""

import atexit
from functools import cache, lru_cache

from synth.answers.workers import Workers, half_the_cores
from synth.problems.base import Problem
from synth.problems.reasoning_gym.library import check_installed

LIMIT_S = 5.0
"""Seconds for one answer, after which its process is killed; the longest scorer, of integrals, needs a tenth of one."""
MOST_CHARACTERS = 50_000
"""Of an answer; a longer one is not scored."""


def score_answer(problem: Problem, answer: str) -> float | None:
    """Score an answer between 0 and 1; None where the scorer fails on it or takes too long.

    Raises:
        RecipeError: The library is not installed, or in another version.
    """
    check_installed()
    if len(answer) > MOST_CHARACTERS:
        return None
    return _score(_Key(problem), answer)


class _Key:
    """A problem, equal to itself by its id."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._id = problem.id

    def __hash__(self) -> int:
        return hash(self._id)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other._id == self._id


@lru_cache(maxsize=10_000)
def _score(key: _Key, answer: str) -> float | None:
    problem = key.problem
    line = _workers().ask([dict(problem.attrs), problem.prompt, problem.gold, answer], LIMIT_S)
    try:
        return float(line or "")
    except ValueError:
        return None


@cache
def _workers() -> Workers:
    workers = Workers("synth.problems.reasoning_gym.scoring_worker", half_the_cores())
    atexit.register(workers.close)
    return workers
