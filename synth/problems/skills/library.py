"""The skills: each goes on from a number with one sentence, and knows the calculation and what it comes to.

    def _double(rng, value): return Step("The number doubles.", (f"{value} * 2 = {2 * value}",), 2 * value)

A skill that does not fit a number (a share of it that is no whole number, say) returns None.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

MOST = 100_000
"""No number on the way is above this."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one skill makes of a number.

    Attributes:
        sentence: What a problem says.
        lines: The calculation, an equation a line.
        value: What it comes to, a whole number of 1 or more.
    """

    sentence: str
    lines: tuple[str, ...]
    value: int


Make = Callable[[random.Random, int], Step | None]


@dataclass(frozen=True, slots=True)
class Skill:
    """A kind of calculation.

    Attributes:
        name: As recipes and rows say it.
        category: What it is a kind of; skills are held out by category.
        make: From a generator and a number to a step.
    """

    name: str
    category: str
    make: Make


def _gain(rng: random.Random, value: int) -> Step:
    n = rng.randint(2, 40)
    return Step(f"Then {n} more arrive.", (f"{value} + {n} = {value + n}",), value + n)


def _loss(rng: random.Random, value: int) -> Step | None:
    if value < 4:
        return None
    n = rng.randint(2, min(40, value - 1))
    return Step(f"Then {n} are sold.", (f"{value} - {n} = {value - n}",), value - n)


def _multiple(rng: random.Random, value: int) -> Step:
    n = rng.randint(2, 6)
    return Step(f"Then there are {n} times as many.", (f"{value} * {n} = {value * n}",), value * n)


def _percent(rng: random.Random, value: int, grows: bool) -> Step | None:
    shares = [
        share for share in (5, 10, 20, 25, 30, 40, 50, 60, 75, 80) if value * share % 100 == 0 and value * share >= 100
    ]
    if not shares:
        return None
    share = rng.choice(shares)
    part = value * share // 100
    end = value + part if grows else value - part
    verb, sign = ("grows", "+") if grows else ("falls", "-")
    return Step(
        f"Then the number {verb} by {share} percent.",
        (f"{value} * {share} / 100 = {part}", f"{value} {sign} {part} = {end}"),
        end,
    )


def _grow(rng: random.Random, value: int) -> Step | None:
    return _percent(rng, value, grows=True)


def _fall(rng: random.Random, value: int) -> Step | None:
    return _percent(rng, value, grows=False)


def _fraction(rng: random.Random, value: int) -> Step | None:
    fits = [(a, b) for b in (3, 4, 5, 6, 8) for a in range(1, b) if value % b == 0]
    if not fits:
        return None
    a, b = rng.choice(fits)
    part = value // b * a
    return Step(
        f"Then {a}/{b} of them are given away.",
        (f"{value} * {a} / {b} = {part}", f"{value} - {part} = {value - part}"),
        value - part,
    )


def _ratio(rng: random.Random, value: int) -> Step | None:
    fits = [(a, b) for a in range(1, 8) for b in range(1, 8) if a != b and value % (a + b) == 0]
    if not fits:
        return None
    a, b = rng.choice(fits)
    part = value // (a + b) * a
    return Step(
        f"Ann and Ben share them in the ratio {a}:{b}, and only Ann's part counts from here on.",
        (f"{value} / ({a} + {b}) = {value // (a + b)}", f"{value // (a + b)} * {a} = {part}"),
        part,
    )


def _full_boxes(rng: random.Random, value: int) -> Step | None:
    if value < 9:
        return None
    n = rng.randint(4, min(24, value // 2))
    boxes, left = divmod(value, n)
    lines = (
        (f"{value} - {left} = {value - left}", f"{value - left} / {n} = {boxes}")
        if left
        else (f"{value} / {n} = {boxes}",)
    )
    return Step(f"They are packed in boxes of {n}, and only the full boxes count from here on.", lines, boxes)


def _left_over(rng: random.Random, value: int) -> Step | None:
    fits = [n for n in range(4, 25) if n < value and value % n]
    if not fits:
        return None
    n = rng.choice(fits)
    boxes, left = divmod(value, n)
    return Step(
        f"They are packed in boxes of {n}, and only what is left over counts from here on.",
        (f"{boxes} * {n} = {boxes * n}", f"{value} - {boxes * n} = {left}"),
        left,
    )


def _dozens(rng: random.Random, value: int) -> Step | None:
    if value > 2_000:
        return None
    return Step("It turns out that each of them is a dozen.", (f"{value} * 12 = {value * 12}",), value * 12)


def _average(rng: random.Random, value: int) -> Step | None:
    a = rng.randint(2, 60)
    b = rng.randint(2, 60)
    b += -(value + a + b) % 3
    total = value + a + b
    return Step(
        f"Two other places have {a} and {b}, and only the average of the three places counts from here on.",
        (f"{value} + {a} + {b} = {total}", f"{total} / 3 = {total // 3}"),
        total // 3,
    )


def _difference(rng: random.Random, value: int) -> Step | None:
    n = rng.randint(2, 2 * value + 10)
    if n == value:
        return None
    high, low = max(n, value), min(n, value)
    return Step(
        f"Another place has {n}, and only the difference of both counts from here on.",
        (f"{high} - {low} = {high - low}",),
        high - low,
    )


def _condition(rng: random.Random, value: int) -> Step | None:
    limit, more, less = rng.randint(5, 200), rng.randint(2, 20), rng.randint(2, 20)
    if value > limit and value <= less:
        return None
    end, sign, n = (value - less, "-", less) if value > limit else (value + more, "+", more)
    return Step(
        f"If there are more than {limit}, then {less} of them are taken away, otherwise {more} are added.",
        (f"{value} {sign} {n} = {end}",),
        end,
    )


SKILLS: Mapping[str, Skill] = {
    skill.name: skill
    for skill in (
        Skill("gain", "sum", _gain),
        Skill("loss", "sum", _loss),
        Skill("difference", "sum", _difference),
        Skill("multiple", "product", _multiple),
        Skill("dozens", "product", _dozens),
        Skill("percent_growth", "percent", _grow),
        Skill("percent_fall", "percent", _fall),
        Skill("fraction", "share", _fraction),
        Skill("ratio", "share", _ratio),
        Skill("full_boxes", "division", _full_boxes),
        Skill("left_over", "division", _left_over),
        Skill("average", "average", _average),
        Skill("condition", "logic", _condition),
    )
}
"""Every skill by name."""
