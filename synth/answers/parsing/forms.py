"""The types of answers. Every form keeps the tidy text it was read from; what fits no type is `Words`."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from synth.answers.algebra.exact import constant
from synth.answers.algebra.tokens import Tree
from synth.answers.parsing.units import Unit


@dataclass(frozen=True, slots=True)
class Words:
    """An answer in words: a name, yes or no, a sentence, or what could not be read."""

    text: str


@dataclass(frozen=True, slots=True)
class Quantity:
    """An expression, with what it counts.

    Attributes:
        tree: The expression.
        text: As written.
        unit: The unit, when it is known.
        nouns: The words counted, when they are no known unit.
        percent: Whether percent are counted.
        places: Decimal places, when it is a plain decimal.
        other: A second reading of `a/bc`.
        product: The product that it is when the letter behind the number is a variable and no unit.
        group: How many pieces one of what is counted has (a dozen: 12); the tree does not hold it.
        scaled: Whether a word such as `million` was multiplied in.
        prose: Whether the number stood inside a sentence.
    """

    tree: Tree
    text: str
    unit: Unit | None = None
    nouns: frozenset[str] = frozenset()
    percent: bool = False
    places: int | None = None
    other: Tree | None = None
    product: Tree | None = None
    group: Fraction | None = None
    scaled: bool = False
    prose: bool = False

    @property
    def value(self) -> Fraction | None:
        """The exact value, when it is a fraction."""
        return constant(self.tree)


@dataclass(frozen=True, slots=True)
class Sequence:
    """Several answers: kind `list`, `set`, `tuple`, `interval`, `ratio` or `remainder`, with its brackets."""

    kind: str
    parts: tuple["Form", ...]
    text: str
    brackets: str = ""


@dataclass(frozen=True, slots=True)
class Union:
    """A union of intervals and sets."""

    parts: tuple["Form", ...]
    text: str


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows of expressions."""

    rows: tuple[tuple["Form", ...], ...]
    text: str


@dataclass(frozen=True, slots=True)
class Named:
    """`x = 5`: names and what they are."""

    names: tuple[str, ...]
    value: "Form"
    text: str


@dataclass(frozen=True, slots=True)
class Relation:
    """An equation or inequality: sides and the signs between them."""

    sides: tuple[Tree, ...]
    signs: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Based:
    """A number in a base: digits and base."""

    digits: str
    base: int
    text: str


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day, or minutes and seconds; `half` is am, pm or empty."""

    parts: tuple[int, ...]
    half: str
    text: str


@dataclass(frozen=True, slots=True)
class Date:
    """A day: month, day of month and year (None when not given)."""

    month: int
    day: int
    year: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice letter, with the option's text when it was written; `bare` when nothing marks it as a choice."""

    letter: str
    option: "Form | None"
    text: str
    bare: bool = False


Form = Words | Quantity | Sequence | Union | Matrix | Named | Relation | Based | Clock | Date | Choice

Reader = Callable[[str], Form]
"""Reads a part of an answer."""
