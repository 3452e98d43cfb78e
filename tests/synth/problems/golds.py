"""Gold answers as collections of school and olympiad mathematics write them: many kinds, made at random from a seed."""

import random
from collections.abc import Callable

GROUPED = (",", "{,}", ",\\!")
RELATIONS = (r"\ge", r"\leq", "<", ">")

Maker = Callable[[random.Random], str]


def golds(count: int, seed: int) -> list[tuple[str, str]]:
    """Return so many pairs of kind and gold answer, the kinds in equal shares."""
    rng = random.Random(seed)
    kinds = sorted(KINDS)
    return [(kind, KINDS[kind](rng)) for kind in (kinds[index % len(kinds)] for index in range(count))]


def _whole(rng: random.Random, low: int = 2, high: int = 99) -> int:
    return rng.randint(low, high)


def _signed(rng: random.Random) -> int:
    return rng.choice([-1, 1]) * rng.randint(1, 40)


def _fraction(rng: random.Random) -> str:
    return rf"\{rng.choice(['frac', 'dfrac', 'tfrac'])}{{{_whole(rng, 1, 30)}}}{{{_whole(rng, 31, 60)}}}"


def _surd(rng: random.Random) -> str:
    root = rng.choice([2, 3, 5, 6, 7, 10, 11, 13])
    return rng.choice(
        [rf"{_whole(rng)}\sqrt{{{root}}}", rf"\sqrt{{{root}}}", rf"\frac{{\sqrt{{{root}}}}}{{{_whole(rng)}}}"]
    )


def _value(rng: random.Random) -> str:
    return rng.choice([lambda r: str(_signed(r)), _fraction, _surd])(rng)


def _polynomial(rng: random.Random, letter: str = "x") -> str:
    degree = rng.randint(1, 3)
    power = letter if degree == 1 else f"{letter}^{degree}"
    return f"{_whole(rng, 2, 9)}{power} {rng.choice('+-')} {_whole(rng, 2, 9)}"


def _matrix(rng: random.Random) -> str:
    rows, columns = rng.choice([(2, 2), (3, 1), (2, 1), (3, 3)])
    cells = [" & ".join(_value(rng) for _ in range(columns)) for _ in range(rows)]
    return r"\begin{pmatrix} " + r" \\ ".join(cells) + r" \end{pmatrix}"


def _interval(rng: random.Random) -> str:
    low = rng.randint(-9, 3)
    left, right = rng.choice(["(", "["]), rng.choice([")", "]"])
    return rf"{left}{low},{low + _whole(rng, 1, 9)}{right}"


def _unit(rng: random.Random) -> str:
    unit = rng.choice(
        [r"\text{ cm}^2", r"\text{ km/h}", r"\mbox{ inches}", r"\text{ square feet}", " dollars", r"\text{ m/s}^2"]
    )
    return f"{_whole(rng)}{unit}"


KINDS: dict[str, Maker] = {
    "integer": lambda rng: str(_signed(rng)),
    "grouped": lambda rng: f"{_whole(rng)}{rng.choice(GROUPED)}{_whole(rng, 100, 999)}",
    "decimal": lambda rng: f"{_signed(rng)}.{_whole(rng, 10)}",
    "repeating": lambda rng: rf"0.{_whole(rng, 1, 9)}\overline{{{_whole(rng, 1, 98)}}}",
    "fraction": lambda rng: rng.choice(["", "-"]) + _fraction(rng),
    "slash": lambda rng: f"{_whole(rng, 1, 30)}/{_whole(rng, 31, 60)}",
    "mixed": lambda rng: f"{_whole(rng)}{_fraction(rng)}",
    "percent": lambda rng: rf"{_whole(rng)}\%",
    "money": lambda rng: rf"\${_whole(rng)}.{_whole(rng, 10)}",
    "surd": _surd,
    "surds": lambda rng: rf"{_whole(rng)} - {_surd(rng)}",
    "golden": lambda rng: rf"\frac{{{_signed(rng)} + \sqrt{{{_whole(rng)}}}}}{{{_whole(rng)}}}",
    "cube root": lambda rng: rf"{_whole(rng)}\sqrt[3]{{{_whole(rng)}}}",
    "power": lambda rng: rf"{_whole(rng, 2, 9)}^{{{_whole(rng, 2, 60)}}}",
    "scientific": lambda rng: rf"{_whole(rng, 1, 9)}.{_whole(rng, 1, 9)} \times 10^{{{_signed(rng)}}}",
    "pi": lambda rng: rf"\frac{{{_whole(rng)}\pi}}{{{_whole(rng)}}}",
    "area": lambda rng: rf"{_whole(rng)}\pi \text{{ square inches}}",
    "exponential": lambda rng: rf"e^{{{_whole(rng)}}} - {_whole(rng)}",
    "logarithm": lambda rng: rf"\log_{_whole(rng, 2, 9)} {_whole(rng)}",
    "sine": lambda rng: rf"\sin {_whole(rng)}^\circ",
    "degrees": lambda rng: rf"{_whole(rng)}^\circ",
    "unit": _unit,
    "letter": lambda rng: rng.choice(["A", "(C)", r"\text{(D)}", r"\textbf{(B)}", "E."]),
    "pair": lambda rng: rf"\left({_value(rng)}, {_value(rng)}\right)",
    "triple": lambda rng: f"({_value(rng)},{_value(rng)},{_value(rng)})",
    "polar": lambda rng: rf"\left({_whole(rng)}, \frac{{\pi}}{{{_whole(rng)}}}\right)",
    "interval": _interval,
    "ray": lambda rng: rng.choice([rf"[{_value(rng)}, \infty)", rf"(-\infty, {_value(rng)})"]),
    "union": lambda rng: rf"(-\infty, {-_whole(rng)}) \cup ({_whole(rng)}, \infty)",
    "set": lambda rng: rf"\{{{_signed(rng)}, {_whole(rng, 50)}\}}",
    "empty": lambda rng: rng.choice([r"\emptyset", r"\varnothing", r"\{\}"]),
    "list": lambda rng: ", ".join(str(_signed(rng) + 100 * index) for index in range(rng.randint(2, 4))),
    "both": lambda rng: rf"{_value(rng)} \text{{ and }} {_value(rng)}",
    "plus minus": lambda rng: rf"{_whole(rng)} \pm {_surd(rng)}",
    "matrix": _matrix,
    "scaled matrix": lambda rng: rf"\frac{{1}}{{{_whole(rng)}}}{_matrix(rng)}",
    "line": lambda rng: f"y = {_polynomial(rng)}",
    "circle": lambda rng: rf"(x-{_whole(rng)})^2 + (y+{_whole(rng)})^2 = {_whole(rng)}",
    "plane": lambda rng: f"{_whole(rng)}x - {_whole(rng)}y + z - {_whole(rng)} = 0",
    "name": lambda rng: f"x = {_value(rng)}",
    "names": lambda rng: f"x = {_signed(rng)}, y = {_signed(rng)}",
    "named pair": lambda rng: f"(x, y) = ({_signed(rng)}, {_signed(rng)})",
    "function": lambda rng: f"f(x) = {_polynomial(rng)}",
    "inequality": lambda rng: f"{rng.choice('xnk')} {rng.choice(RELATIONS)} {_value(rng)}",
    "double inequality": lambda rng: rf"{-_whole(rng)} < x \le {_whole(rng)}",
    "outside": lambda rng: rf"x < {-_whole(rng)} \text{{ or }} x > {_whole(rng)}",
    "member": lambda rng: rf"x \in {_interval(rng)}",
    "absolute": lambda rng: rf"1 \leq |z| \leq {_whole(rng)}",
    "factorial": lambda rng: f"{_whole(rng, 3, 40)}!",
    "binomial": lambda rng: rf"\binom{{{_whole(rng, 20, 40)}}}{{{_whole(rng, 2, 19)}}}",
    "base": lambda rng: rng.choice([f"{_whole(rng, 2):b}_2", rf"{_whole(rng):o}_{{8}}", rf"{_whole(rng, 160, 255):X}_{{16}}"]),
    "time": lambda rng: rf"{_whole(rng, 1, 12)}:{_whole(rng, 10, 59)} \text{{ {rng.choice(['a.m.', 'p.m.'])}}}",
    "day": lambda rng: f"{rng.choice(['March', 'July', 'October'])} {_whole(rng, 1, 30)}",
    "polynomial": _polynomial,
    "factored": lambda rng: f"(x-{_whole(rng)})(x+{_whole(rng)})^2",
    "quotient": lambda rng: rf"\frac{{x + {_whole(rng)}}}{{{_polynomial(rng)}}}",
    "letters": lambda rng: rng.choice([r"\frac{a^2b}{c}", "2ab + b^2", r"\alpha + \beta", "x_1 + x_2", "n(n+1)"]),
    "trigonometric": lambda rng: rng.choice([r"\cot^2 x", r"2\sin x \cos x", r"\tan \theta", r"\arctan 2"]),
    "complex": lambda rng: f"{_signed(rng)} + {_whole(rng)}i",
    "conjugates": lambda rng: "{0} + {1}i, {0} - {1}i".format(_whole(rng), _whole(rng)),
    "ratio": lambda rng: f"{_whole(rng)}:{_whole(rng)}",
    "remainder": lambda rng: f"{_whole(rng)} R {_whole(rng, 1, 9)}",
    "floor": lambda rng: rf"\lfloor {_surd(rng)} \rfloor",
    "word": lambda rng: rng.choice([r"\text{even}", "yes", "Tuesday", r"\text{Evelyn}", r"\text{no solution}", "triangle"]),
    "counted": lambda rng: f"{_whole(rng)} {rng.choice(['apples', 'red marbles', 'ways', 'students'])}",
}  # fmt: skip
