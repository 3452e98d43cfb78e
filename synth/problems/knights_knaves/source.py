"""Draw Knights and Knaves puzzles with distinct structures."""

import random
from collections.abc import Sequence

from storage.errors import ProblemError
from storage.ids import seed_from
from synth.problems.base import Problem
from synth.problems.knights_knaves.generate import draw_puzzle
from synth.problems.knights_knaves.search import answer_line, solution_lines
from synth.problems.knights_knaves.statements import Puzzle, canonical
from synth.problems.knights_knaves.text import COMPACT_NAMES, NAMES, Style, answer_text, write

PEOPLE = range(2, 9)
MISSES = 5_000  # known structures in a row after which a size counts as used up (two people have 95)


class KnightsKnaves:
    """A stream of puzzles, in equal shares for each number of people; the tier is that number."""

    def __init__(self, people: Sequence[int] = (2, 3), style: Style = "full") -> None:
        if not people or any(count not in PEOPLE for count in people):
            raise ProblemError(f"puzzles have {PEOPLE[0]} to {PEOPLE[-1]} people, not {list(people)}.")
        self.name = "knights_knaves"
        self._people = tuple(dict.fromkeys(people))
        self._style: Style = style

    def draw(
        self, limit: int, *, seed: int, tier: int | None = None, exclude: frozenset[str] = frozenset()
    ) -> Sequence[Problem]:
        """Draw up to `limit` puzzles; fewer when all structures of these sizes are drawn or excluded.

        Raises:
            ProblemError: No puzzle with one solution was found (which does not happen within 2 to 8 people).
        """
        sizes = [count for count in self._people if tier in (None, count)]
        streams = {count: random.Random(seed_from("knights_knaves", self._style, seed, count)) for count in sizes}
        seen = set(exclude)
        drawn: list[Problem] = []
        while sizes and len(drawn) < limit:
            for count in list(sizes):
                problem = self._next(streams[count], count, seen)
                if problem is None:
                    sizes.remove(count)
                elif len(drawn) < limit:
                    drawn.append(problem)
        return drawn

    def _next(self, rng: random.Random, people: int, seen: set[str]) -> Problem | None:
        for _ in range(MISSES):
            puzzle, solution = draw_puzzle(rng, people)
            problem = self._problem(rng, puzzle, solution)
            if problem.structure_id not in seen:
                seen.add(problem.structure_id)
                return problem
        return None

    def _problem(self, rng: random.Random, puzzle: Puzzle, solution: tuple[bool, ...]) -> Problem:
        people = len(puzzle)
        names = COMPACT_NAMES[:people] if self._style == "compact" else tuple(rng.sample(NAMES, people))
        lines = solution_lines(puzzle, names, self._style)
        return Problem(
            task="knights_knaves",
            source=self.name,
            prompt=write(puzzle, names, self._style, rng),
            gold=answer_text(solution, names),
            structure=canonical(puzzle),
            tier=people,
            solution="\n".join([*lines, answer_line(solution, names)]),
            license="Apache-2.0",
            attrs={
                "style": self._style,
                "names": list(names),
                "statements": _as_lists(puzzle),
                "solution": list(solution),
            },
        )


def _as_lists(value: Sequence[object]) -> list[object]:
    return [_as_lists(part) if isinstance(part, tuple) else part for part in value]
