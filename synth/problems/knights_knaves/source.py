"""Draw Knights and Knaves puzzles with distinct structures."""

import random
from collections.abc import Sequence

from storage.errors import ProblemError
from storage.ids import seed_from
from synth.problems.base import Problem
from synth.problems.knights_knaves.generate import draw_puzzle
from synth.problems.knights_knaves.perturb import KINDS, LANGUAGE, Kind, perturb
from synth.problems.knights_knaves.puzzle import make_problem
from synth.problems.knights_knaves.statements import Puzzle, canonical
from synth.problems.knights_knaves.text import COMPACT_NAMES, Style
from synth.problems.knights_knaves.words import KNIGHTS, NAMES, Words

PEOPLE = range(2, 9)
MISSES = 5_000  # known structures in a row after which a size counts as used up (two people have 95)


class KnightsKnaves:
    """A stream of puzzles, in equal shares for each number of people; the tier is that number.

    Args:
        people: How many people a puzzle may have.
        style: Wording.
        roles: Words for those who tell the truth and those who lie (full wording only).
        perturb: Draw a perturbation of each puzzle instead of the puzzle; its base is the puzzle that the same source
            draws without it, when nothing is excluded. `statement` and `leaf` have another solution; the others change
            the language only, so they keep the structure.

    Raises:
        ProblemError: The options do not fit each other.
    """

    procedural = True

    def __init__(
        self,
        people: Sequence[int] = (2, 3),
        style: Style = "full",
        *,
        roles: tuple[str, str] | None = None,
        perturb: Kind | None = None,
    ) -> None:
        if not people or any(count not in PEOPLE for count in people):
            raise ProblemError(f"puzzles have {PEOPLE[0]} to {PEOPLE[-1]} people, not {list(people)}.")
        if perturb is not None and perturb not in KINDS:
            raise ProblemError(f"perturbations are {', '.join(KINDS)}, not {perturb!r}.")
        if style == "compact" and (roles or perturb in LANGUAGE):
            raise ProblemError("the compact wording has no other words; use style: full.")
        self.name = "knights_knaves"
        self._people = tuple(dict.fromkeys(people))
        self._style: Style = style
        self._role_names = Words(*roles) if roles else KNIGHTS
        self._perturb = perturb

    def draw(
        self, limit: int, *, seed: int, tier: int | None = None, exclude: frozenset[str] = frozenset()
    ) -> Sequence[Problem]:
        """Draw up to `limit` puzzles; fewer when all structures of these sizes are drawn or excluded.

        Raises:
            ProblemError: No puzzle with one solution was found (which does not happen within 2 to 8 people).
        """
        sizes = [count for count in self._people if tier in (None, count)]
        streams = {count: random.Random(seed_from("knights_knaves", self._style, seed, count)) for count in sizes}
        seen, bases = set(exclude), set[str]()
        drawn: list[Problem] = []
        while sizes and len(drawn) < limit:
            for count in list(sizes):
                problem = self._next(streams[count], count, seen, bases)
                if problem is None:
                    sizes.remove(count)
                elif len(drawn) < limit:
                    drawn.append(problem)
        return drawn

    def _next(self, rng: random.Random, people: int, seen: set[str], bases: set[str]) -> Problem | None:
        for _ in range(MISSES):
            puzzle, solution = draw_puzzle(rng, people)
            structure = canonical(puzzle)
            if structure in bases:
                continue
            bases.add(structure)
            problem = self._problem(rng, puzzle, solution, structure)
            if problem is not None and (identity := problem.structure_id) not in seen:
                seen.add(identity)
                return problem
        return None

    def _problem(
        self, rng: random.Random, puzzle: Puzzle, solution: tuple[bool, ...], structure: str
    ) -> Problem | None:
        """A puzzle as a problem, perturbed if so wished; None when it has no such perturbation."""
        people = len(puzzle)
        names = COMPACT_NAMES[:people] if self._style == "compact" else _draw_names(rng, people)
        problem = make_problem(
            puzzle, solution, names, self._style, rng, role_names=self._role_names, structure=structure
        )
        if self._perturb is None:
            return problem
        # a stream of its own, so that the next puzzle is the same one as without the perturbation
        return perturb(problem, self._perturb, random.Random(seed_from("perturb", self._perturb, problem.id)))


def _draw_names(rng: random.Random, people: int) -> tuple[str, ...]:
    names: dict[str, None] = {}
    while len(names) < people:
        names[NAMES[int(rng.random() * len(NAMES))]] = None
    return tuple(names)
