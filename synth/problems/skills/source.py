"""Draw problems that are composed of skills (skill mix, arXiv:2409.19808, with a program in the place of a grader)."""

import random
from collections.abc import Iterator, Sequence
from itertools import permutations
from math import perm

from storage.ids import canonical_json, seed_from
from synth.problems.base import Problem
from synth.problems.drawing import equal_shares, unseen
from synth.problems.skills.library import MOST, SKILLS, Step

MISSES = 2_000
"""Draws in a row that came to nothing new after which a tier counts as used up."""
TRIES = 200
"""Numbers that are tried for one combination of skills."""
_PLACES = ("A shop", "A school", "A farm", "A library", "A museum", "A workshop", "A harbour", "A kitchen")
_THINGS = ("pens", "apples", "books", "cups", "lamps", "ropes", "stamps", "tiles", "bricks", "keys")


class Skills:
    """A stream of problems; the tier is the number of skills, all of them different.

    Args:
        tiers: Numbers of skills.
        names: Skills to draw from.
    """

    procedural = True

    def __init__(self, tiers: Sequence[int], names: Sequence[str]) -> None:
        self.name = "skills"
        self._tiers = tuple(dict.fromkeys(tiers))
        self._names = sorted(names)

    def draw(
        self, limit: int, *, seed: int, tier: int | None = None, exclude: frozenset[str] = frozenset()
    ) -> Sequence[Problem]:
        """Draw up to `limit` problems in equal shares of the tiers; no order of skills comes again before every one was drawn."""
        seen = set(exclude)
        streams = [self._stream(count, seed, seen) for count in self._tiers if tier in (None, count)]
        return equal_shares(streams, limit)

    def _stream(self, count: int, seed: int, seen: set[str]) -> Iterator[Problem]:
        return unseen(self._composed(count, random.Random(seed_from("skills", seed, count))), seen, MISSES)

    def _composed(self, count: int, rng: random.Random) -> Iterator[Problem | None]:
        while perm(len(self._names), count):
            for skills in _orders(self._names, count, rng):
                yield compose(rng, skills)


def _orders(names: Sequence[str], count: int, rng: random.Random) -> Iterator[tuple[str, ...]]:
    """Every order of so many of the names, shuffled; where there are too many to list, drawn without a repetition."""
    if perm(len(names), count) <= 20_000:
        every = list(permutations(names, count))
        rng.shuffle(every)
        yield from every
        return
    drawn: set[tuple[str, ...]] = set()
    while len(drawn) < 10_000:
        order = tuple(rng.sample(names, count))
        if order not in drawn:
            drawn.add(order)
            yield order


def compose(rng: random.Random, skills: Sequence[str]) -> Problem | None:
    """Compose a problem that takes these skills in this order; None where no number fits them all."""
    place, thing = rng.choice(_PLACES), rng.choice(_THINGS)
    for _ in range(TRIES):
        start = rng.choice((rng.randint(5, 60), 10 * rng.randint(1, 30), 12 * rng.randint(1, 30)))
        steps = _steps(rng, start, skills)
        if steps is not None:
            break
    else:
        return None
    text = " ".join([f"{place} has {start} {thing}.", *(step.sentence for step in steps)])
    return Problem(
        task="skills",
        source="skills",
        prompt=f"{text} What is the number that counts in the end?",
        gold=str(steps[-1].value),
        structure=canonical_json([start, *((name, *step.lines) for name, step in zip(skills, steps, strict=True))]),
        tier=len(skills),
        solution="\n".join(line for step in steps for line in step.lines),
        license="Apache-2.0",
        attrs={
            "skills": list(skills),
            "categories": [SKILLS[name].category for name in skills],
            "values": [step.value for step in steps],
        },
        gold_source="rule",
    )


def _steps(rng: random.Random, start: int, skills: Sequence[str]) -> list[Step] | None:
    value, steps = start, list[Step]()
    for name in skills:
        step = SKILLS[name].make(rng, value)
        if step is None or not 1 <= step.value <= MOST or step.value == value:
            return None
        steps.append(step)
        value = step.value
    return steps
