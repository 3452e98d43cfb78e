"""Draw problems of one task of reasoning-gym."""

import atexit
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import count
from typing import Any

from storage.errors import ProblemError, RecipeError
from storage.ids import seed_from
from synth.answers.workers import Workers
from synth.problems.base import Problem
from synth.problems.drawing import equal_shares
from synth.problems.files import Dropped
from synth.problems.reasoning_gym.entries import entry_problem
from synth.problems.reasoning_gym.library import SIZE, check_installed, options_of
from synth.problems.reasoning_gym.reading import reads_back
from synth.problems.reasoning_gym.table import offered_task
from synth.sandbox.values import from_plain, to_plain

MISSES = 200
"""Known questions in a row after which a tier counts as used up."""


LIMIT_S = 120.0
"""Seconds for one entry, after which the draw stops."""


class ReasoningGym:
    """A stream of problems, in equal shares for each tier.

    Args:
        task: The task's name in the library.
        tiers: Its tiers, as the table has them.
        config: Options of the library for the task, instead of a tier's.

    Attributes:
        dropped: Entries of the last draw whose gold answer does not score 1, or is too long to be read from a response.

    Raises:
        RecipeError: The task is not offered, it has no such tier or option, or the library is not installed.
    """

    procedural = True

    def __init__(self, task: str, tiers: Sequence[int] = (1,), config: Mapping[str, Any] | None = None) -> None:
        surveyed = offered_task(task)
        check_installed()
        self.name = task
        self.dropped: list[Dropped] = []
        self._tiers = tuple(dict.fromkeys(tiers))
        unknown = [tier for tier in self._tiers if not 1 <= tier <= surveyed.tiers]
        if unknown:
            raise RecipeError(f"reasoning-gym task {task!r} has the tiers 1 to {surveyed.tiers}, not {unknown[0]}")
        self._options = {tier: options_of(task, tier, config or {}) for tier in self._tiers}

    def draw(
        self, limit: int, *, seed: int, tier: int | None = None, exclude: frozenset[str] = frozenset()
    ) -> Sequence[Problem]:
        """Draw up to `limit` problems; fewer where a tier is used up.

        Raises:
            ProblemError: The library fails, or takes too long.
        """
        self.dropped = []
        seen = set(exclude)
        streams = [self._stream(level, seed, seen) for level in self._tiers if tier in (None, level)]
        return equal_shares(streams, limit)

    def _stream(self, tier: int, seed: int, seen: set[str]) -> Iterator[Problem]:
        options, misses = self._options[tier], 0
        for number, entry, value in self._entries(tier, seed):
            problem = entry_problem(self.name, options, entry, self.name, tier)
            if problem.structure_id in seen:
                misses += 1
                if misses == MISSES:
                    return
                continue
            misses = 0
            seen.add(problem.structure_id)
            if value == 1 and reads_back(problem.gold):
                yield problem
                continue
            fault = (
                f"scores {value:g}"
                if value != 1
                else f"of {len(problem.gold):,} characters is not read from a response"
            )
            detail = f"{self.name}, entry {number}: its gold answer {fault}."
            self.dropped.append(Dropped(number, "bad_gold", detail=detail, question=problem.prompt))

    def _entries(self, tier: int, seed: int) -> Iterator[tuple[int, dict[str, Any], float]]:
        """Entries without end, counted from 1, with the scores of their gold answers: one seed's data set after the other."""
        options = to_plain(self._options[tier])
        for block in count():
            own_seed = seed_from("reasoning_gym", self.name, tier, seed, block) % 2**31
            for index in range(SIZE):
                line = _worker().ask([self.name, options, own_seed, index], LIMIT_S)
                answer: dict[str, Any] = (
                    {"error": f"an entry took longer than {LIMIT_S:.0f} s"} if line is None else json.loads(line)
                )
                if "error" in answer:
                    raise ProblemError(
                        f"reasoning-gym task {self.name!r}, tier {tier}: {answer['error']}; choose another tier or config."
                    )
                yield block * SIZE + index + 1, from_plain(answer["entry"]), answer["gold_score"]


@cache
def _worker() -> Workers:
    workers = Workers("synth.problems.reasoning_gym.drawing_worker", 1, {"PYTHONHASHSEED": "0"})
    atexit.register(workers.close)
    return workers
