"""Computer algebra for what this package's own algebra does not read, in processes that are killed when they take too long.

SymPy and math-verify see only expressions within the limits of `symbolic_form`, and only there. A comparison that takes
longer than `LIMIT_S` is undecided.
"""

import atexit
from functools import cache, lru_cache

from synth.answers.algebra.symbolic_form import expression
from synth.answers.outcome import Outcome
from synth.answers.workers import Workers, half_the_cores

LIMIT_S = 0.7
"""Seconds for one comparison, after which its process is killed."""


@lru_cache(maxsize=10_000)
def compare_symbolically(gold: str, answer: str) -> Outcome:
    """Compare two expressions by computer algebra; undecided unless both are within the limits."""
    left, right = expression(gold), expression(answer)
    if left is None or right is None:
        return Outcome.UNVERIFIABLE
    return Outcome(pool().compare(left, right))


class Pool(Workers):
    """Processes that compare expressions. Safe for several threads, each of which waits for a free one.

    Args:
        size: How many there are at most; each is started when it is first needed.
    """

    def __init__(self, size: int = 1) -> None:
        super().__init__("synth.answers.algebra.symbolic_worker", size)

    def compare(self, gold: str, answer: str) -> str:
        """Return `correct`, `wrong` or `unverifiable`."""
        outcome = self.ask([gold, answer], LIMIT_S)
        return outcome if outcome in ("correct", "wrong") else "unverifiable"


@cache
def pool() -> Pool:
    """Return the pool of this process, made at its first use."""
    processes = Pool(half_the_cores())
    atexit.register(processes.close)
    return processes
