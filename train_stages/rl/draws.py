"""Which problem comes when in reinforcement learning, and what became of every draw.

Every problem is drawn once before any is drawn twice. With history resampling (SRPO, arXiv:2504.14286) an epoch leaves out
the problems whose responses were all right when they were last drawn; those that were all wrong stay, they may become
solvable.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

FILE = "rollouts.parquet"
LAG = 2
"""When the problems of a step are drawn, the step before it is still at work: loaders read one batch ahead."""


class Rollouts:
    """How each group of responses came out: a line for each time a problem was drawn.

    Args:
        path: What an earlier process had written; None starts with nothing.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._lines: list[tuple[int, int, int, int]] = []
        if path is not None and path.exists():
            columns = pq.read_table(path).to_pydict()
            self._lines = list(zip(*(columns[name] for name in ("step", "problem", "tries", "correct")), strict=True))

    def add(self, step: int, numbers: Sequence[int], correct: Sequence[float | None], group: int) -> None:
        """Note the responses of a step, groups of `group` together.

        Args:
            step: The step.
            numbers: The problem's number, of each response.
            correct: 1 or 0, of each response; None where that cannot be decided, which is no try.
            group: Responses to a problem.
        """
        for start in range(0, len(numbers), group):
            decided = [right for right in correct[start : start + group] if right is not None]
            self._lines.append((step, numbers[start], len(decided), sum(right == 1.0 for right in decided)))

    def last(self, before: int) -> dict[int, tuple[int, int]]:
        """Return (tries, correct) of each problem when it was last drawn in a step before `before`."""
        return {number: (tries, right) for step, number, tries, right in self._lines if step < before}

    def write(self, path: Path, ids: Sequence[str] | None = None) -> None:
        """Write the lines; `ids` adds the identity of each problem."""
        table = pa.table(
            {
                name: pa.array([line[column] for line in self._lines], pa.int32())
                for column, name in enumerate(("step", "problem", "tries", "correct"))
            }
        )
        if ids is not None:
            table = table.append_column("problem_id", pa.array([ids[line[1]] for line in self._lines], pa.string()))
        pq.write_table(table, path, compression="zstd")


def unsolved(pool: Sequence[int], last: dict[int, tuple[int, int]]) -> list[int]:
    """SRPO's rule: leave out the problems whose responses were all right; with none left, begin again with all."""
    solved = {number for number, (tries, right) in last.items() if tries and right == tries}
    left = [number for number in pool if number not in solved]
    return left or list(pool)


class Draws:
    """A sampler of problem numbers for `GRPOTrainer`, the same however often a training is killed and goes on.

    Args:
        problems: How many problems there are.
        steps: Steps to draw for.
        prompts: Problems in a step.
        group: Responses to each problem.
        repeats: How often the trainer asks for a step's rows, once for each of its micro-batches.
        seed: Seed of the order.
        history: Resample by these rollouts; None draws from all problems in every epoch.
    """

    def __init__(
        self, problems: int, *, steps: int, prompts: int, group: int, repeats: int, seed: int, history: Rollouts | None
    ) -> None:
        self._all = list(range(problems))
        self._steps, self._prompts, self._group, self._repeats = steps, prompts, group, repeats
        self._seed = seed
        self._history = history
        self.pool = len(self._all)
        """Problems that the present epoch draws from."""

    def __iter__(self) -> Iterator[int]:
        random = np.random.default_rng(self._seed)
        pool = self._all
        waiting: list[int] = []
        for step in range(self._steps):
            while len(waiting) < self._prompts:
                pool = self._of_next_epoch(pool, step)
                waiting += [pool[index] for index in random.permutation(len(pool))]
            chosen, waiting = waiting[: self._prompts], waiting[self._prompts :]
            for _ in range(self._repeats):
                for number in chosen:
                    yield from [number] * self._group

    def _of_next_epoch(self, pool: list[int], step: int) -> list[int]:
        if self._history is None:
            return pool
        left = unsolved(pool, self._history.last(before=step - LAG + 1))
        self.pool = len(left)
        return left

    def __len__(self) -> int:
        return self._steps * self._prompts * self._group * self._repeats
