"""Arithmetic word problems with their derivation, drawn in tiers: what a tiny model can really learn.

Wording and vocabulary are small on purpose: with a model of a third of a million parameters they decide whether
anything is learned at all. A problem is a start value and a few operations; its worked solution is one line per step:

    Ann has 5 apples, finds 3 and loses 2. How many are left?

    5 + 3 = 8
    8 - 2 = 6
    #### 6
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from storage.errors import ProblemError
from storage.ids import seed_from
from synth.problems.base import Problem

NAMES = ("Ann", "Ben", "Cara", "Dan", "Eva", "Finn", "Gia", "Hugo")
THINGS = ("apples", "books", "coins", "pens", "shells", "stamps")
GAINS = ("finds", "buys", "gets")
LOSSES = ("loses", "sells", "drops")
MULTIPLES = {2: "doubles", 3: "triples", 4: "quadruples"}

MISSES_IN_A_ROW = 20_000  # a tier counts as exhausted after so many candidates that were all known


@dataclass(frozen=True, slots=True)
class Tier:
    """What problems of one tier look like.

    Attributes:
        steps: Fewest and most operations.
        limit: Every value, also on the way, is at least 0 and below this.
        amount: The largest number that is added or taken away.
        multiply: Whether an operation may also be a doubling, tripling or quadrupling.
    """

    steps: tuple[int, int]
    limit: int
    amount: int
    multiply: bool = False

    def holds(self, start: int, operations: Sequence[tuple[str, int]]) -> bool:
        """Whether such a problem could have been drawn from this tier."""
        if not self.steps[0] <= len(operations) <= self.steps[1]:
            return False
        if any(n > self.amount if sign != "*" else not self.multiply for sign, n in operations):
            return False
        return max(values(start, operations)) < self.limit


TIERS: dict[int, Tier] = {
    1: Tier(steps=(2, 3), limit=20, amount=9),
    2: Tier(steps=(2, 4), limit=30, amount=9),
    3: Tier(steps=(3, 4), limit=100, amount=40),
    4: Tier(steps=(3, 5), limit=100, amount=40, multiply=True),
    5: Tier(steps=(5, 7), limit=1000, amount=400, multiply=True),
}


def apply(value: int, sign: str, amount: int) -> int:
    """Carry out one operation (`+`, `-` or `*`)."""
    return value + amount if sign == "+" else value - amount if sign == "-" else value * amount


def values(start: int, operations: Sequence[tuple[str, int]]) -> list[int]:
    """The start value and the value after each operation."""
    reached = [start]
    for sign, amount in operations:
        reached.append(apply(reached[-1], sign, amount))
    return reached


def step_lines(start: int, operations: Sequence[tuple[str, int]]) -> list[str]:
    """One line `5 + 3 = 8` for each operation."""
    seen = values(start, operations)
    return [f"{a} {sign} {n} = {b}" for a, (sign, n), b in zip(seen, operations, seen[1:], strict=False)]


def structure_of(start: int, operations: Sequence[tuple[str, int]]) -> str:
    """The canonical structure: the start value and the operations; names, things and verbs do not count."""
    return " ".join([str(start), *(f"{sign}{amount}" for sign, amount in operations)])


def _draw_operations(rng: random.Random, tier: Tier) -> tuple[int, list[tuple[str, int]]]:
    start = value = rng.randrange(1, tier.limit)
    operations: list[tuple[str, int]] = []
    for _ in range(rng.randint(*tier.steps)):
        signs = ["+"] * (value < tier.limit - 1) + ["-"] * (value > 0)
        if tier.multiply and 0 < value * 2 < tier.limit:
            signs.append("*")
        sign = rng.choice(signs)
        if sign == "*":
            amount = rng.choice([n for n in MULTIPLES if value * n < tier.limit])
        else:
            amount = rng.randint(1, min(tier.amount, tier.limit - 1 - value if sign == "+" else value))
        operations.append((sign, amount))
        value = apply(value, sign, amount)
    return start, operations


def _phrase(rng: random.Random, sign: str, amount: int) -> str:
    if sign == "*":
        return f"{MULTIPLES[amount]} them"
    return f"{rng.choice(GAINS if sign == '+' else LOSSES)} {amount}"


def _word(rng: random.Random, start: int, operations: Sequence[tuple[str, int]]) -> str:
    phrases = [_phrase(rng, sign, amount) for sign, amount in operations]
    earlier = ", ".join(phrases[:-1])
    first = f"{rng.choice(NAMES)} has {start} {rng.choice(THINGS)}"
    return f"{first}, {earlier} and {phrases[-1]}. How many are left?"


def make_problem(
    rng: random.Random, start: int, operations: Sequence[tuple[str, int]], *, tier: int, source: str
) -> Problem:
    """Word one problem; `rng` picks the name, the thing and the verbs."""
    lines = step_lines(start, operations)
    gold = str(values(start, operations)[-1])
    return Problem(
        task="arithmetic",
        source=source,
        prompt=_word(rng, start, operations),
        gold=gold,
        gold_source="rule",
        structure=structure_of(start, operations),
        tier=tier,
        solution="\n".join([*lines, f"#### {gold}"]),
        license="Apache-2.0",
        attrs={"start": start, "operations": [list(operation) for operation in operations], "steps": lines},
    )


def variant(problem: Problem, rng: random.Random) -> Problem | None:
    """Draw a problem with the same operations in the same order and other numbers; None where these numbers lead nowhere."""
    tier = TIERS[problem.tier]
    start = value = rng.randrange(1, tier.limit)
    operations: list[tuple[str, int]] = []
    for sign, _ in problem.attrs["operations"]:
        room = tier.limit - 1 - value if sign == "+" else value
        multiples = [n for n in MULTIPLES if 0 < value * n < tier.limit]
        if room < 1 or (sign == "*" and not multiples):
            return None
        amount = rng.choice(multiples) if sign == "*" else rng.randint(1, min(tier.amount, room))
        operations.append((sign, amount))
        value = apply(value, sign, amount)
    return make_problem(rng, start, operations, tier=problem.tier, source=problem.source)


class Arithmetic:
    """A source of arithmetic word problems.

    Tiers do not overlap: a structure that a lower tier could have drawn is never drawn by a higher one.

    Args:
        tiers: The tiers to draw from, each as often as the others, when `draw` is not asked for one.
        source: The name that goes into each problem's `source`.

    Raises:
        ProblemError: A tier is unknown or none is given.
    """

    procedural = True

    def __init__(self, tiers: Sequence[int] = (1,), *, source: str = "arithmetic") -> None:
        unknown = [tier for tier in tiers if tier not in TIERS]
        if unknown or not tiers:
            raise ProblemError(f"arithmetic: tiers={list(tiers)} is not possible; choose from {sorted(TIERS)}")
        self.tiers = tuple(tiers)
        self.source = source

    def draw(
        self, limit: int, *, seed: int, tier: int | None = None, exclude: frozenset[str] = frozenset()
    ) -> list[Problem]:
        """Draw up to `limit` problems with distinct structures, fewer when the tier has no more.

        A shorter draw with the same seed is the beginning of a longer one.

        Raises:
            ProblemError: `tier` is unknown.
        """
        tiers = self.tiers if tier is None else Arithmetic([tier]).tiers
        rng = random.Random(seed_from("arithmetic", seed, list(tiers)))
        drawn: list[Problem] = []
        seen: set[str] = set()
        misses = 0
        while len(drawn) < limit and misses < MISSES_IN_A_ROW:
            number = tiers[rng.randrange(len(tiers))]
            start, operations = _draw_operations(rng, TIERS[number])
            structure = structure_of(start, operations)
            easier = any(TIERS[n].holds(start, operations) for n in TIERS if n < number)
            misses += 1
            if easier or structure in seen:
                continue
            problem = make_problem(rng, start, operations, tier=number, source=self.source)
            if problem.structure_id in exclude:
                continue
            seen.add(structure)
            drawn.append(problem)
            misses = 0
        return drawn
