"""Reads one arithmetic expression, exactly and inside limits: a recursive-descent parser."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import prod

from synth.problems.expression_tokens import Token, is_glued, names_variable, number_of, tokenise

MAX_DIGITS = 30  # of one number
MAX_OPERATORS = 60
MAX_DEPTH = 20
MAX_FLAT = 6  # terms of a sum or product whose partial results are listed
MAX_UNITS = 5  # words between a number and the next operator


@dataclass(frozen=True, slots=True)
class Expression:
    """A number or an arithmetic expression as it was read.

    Attributes:
        value: Its exact value.
        text: It, written with single spaces and without units: `(5 + 3) * 2`.
        operators: How many operators it has; 0 for a plain number.
        results: Values of its sub-expressions that are not plain numbers, itself included.
        parts: `results`, its operands, and partial sums and products of its flat parts.
        places: Decimal places written, for a plain number.
        percent: Whether it is one number with a percent sign (`value` is then the hundredth).
    """

    value: Fraction
    text: str
    operators: int
    results: frozenset[Fraction]
    parts: frozenset[Fraction]
    places: int = 0
    percent: bool = False


@dataclass(slots=True)
class _Read:
    """What a rule of the grammar has read: an expression in the making, and the index after it."""

    value: Fraction
    text: str
    end: int
    operators: int = 0
    places: int = 0
    percent: bool = False
    slash: int = -1


class _UnreadableError(Exception):
    """The text at hand is no expression, or one beyond the limits."""


def parse_whole(text: str) -> Expression | None:
    """Read a text that is one expression and nothing else but currency signs and units; None if it is not."""
    tokens = tokenise(text)
    parsed = parse_at(tokens, 0)
    return parsed[0] if parsed is not None and parsed[2] == len(tokens) else None


def parse_at(tokens: Sequence[Token], position: int) -> tuple[Expression, int, int] | None:
    """Return the longest expression that starts at `position`, the index after it, and the index after its units."""
    parser = _Parser(tokens)
    try:
        read = parser.read_sum(position, 0)
    except _UnreadableError:
        return None
    return parser.expression(read), read.end, parser.skip_units(read.end)


class _Parser:
    """sum := product (('+' | '-') product)* ; product := factor (('*' | '/') factor)* ; units are skipped."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._results: set[Fraction] = set()
        self._parts: set[Fraction] = set()
        self._operators = 0

    def expression(self, read: _Read) -> Expression:
        self._parts.add(read.value)
        return Expression(
            value=read.value,
            text=read.text,
            operators=read.operators,
            results=frozenset(self._results),
            parts=frozenset(self._parts | self._results),
            places=0 if read.operators else read.places,
            percent=read.percent and not read.operators,
        )

    def skip_units(self, position: int) -> int:
        """The index after currency and unit words at `position`; `position` itself where a variable stands."""
        start = position
        while position < len(self._tokens) and position - start < MAX_UNITS:
            token = self._tokens[position]
            per = token.text == "/" and position + 1 < len(self._tokens) and self._tokens[position + 1].kind == "word"
            if (token.kind == "word" and names_variable(self._tokens, position)) or (
                per and names_variable(self._tokens, position + 1)
            ):
                return start
            if token.kind not in ("word", "currency") and not per:
                break
            position += 2 if per else 1
        return position

    def read_sum(self, position: int, depth: int) -> _Read:
        left = self._product(position, depth)
        terms = [left.value]
        while (operator := self._operator(left.end, "+-")) is not None:
            symbol, after = operator
            try:
                right = self._product(after, depth)
            except _UnreadableError:
                break
            terms.append(right.value if symbol == "+" else -right.value)
            left = self._join(left, symbol, right, left.value + terms[-1])
        if 2 < len(terms) <= MAX_FLAT:
            self._parts.update(
                sum(some, Fraction(0)) for size in range(2, len(terms)) for some in combinations(terms, size)
            )
        return left

    def _product(self, position: int, depth: int) -> _Read:
        left = self._factor(position, depth)
        factors = [left.value]
        while (operator := self._operator(left.end, "*/")) is not None:
            symbol, after = operator
            try:
                right = self._factor(after, depth)
            except _UnreadableError:
                break
            if symbol == "/" and (right.value == 0 or self._ambiguous(left.slash, after - 1)):
                raise _UnreadableError
            factors.append(right.value if symbol == "*" else 1 / right.value)
            left = self._join(left, symbol, right, left.value * factors[-1])
            left.slash = after - 1 if symbol == "/" else -1
        if 2 < len(factors) <= MAX_FLAT:
            self._parts.update(
                prod(some, start=Fraction(1)) for size in range(2, len(factors)) for some in combinations(factors, size)
            )
        return left

    def _join(self, left: _Read, symbol: str, right: _Read, value: Fraction) -> _Read:
        self._operators += 1
        if self._operators > MAX_OPERATORS:
            raise _UnreadableError
        self._results.add(value)
        return _Read(value, f"{left.text} {symbol} {right.text}", right.end, left.operators + right.operators + 1)

    def _ambiguous(self, first: int, second: int) -> bool:
        """Whether `a / b/c` means a divided by the fraction b/c: the second slash is tight and the first is not."""
        if first < 0:
            return False
        return not (self._tight(first, before=True) and self._tight(first)) and self._tight(second)

    def _tight(self, position: int, *, before: bool = False) -> bool:
        first = self._tokens[position - 1 if before else position]
        return first.end == self._tokens[position if before else position + 1].start

    def _operator(self, position: int, wanted: str) -> tuple[str, int] | None:
        """The operator after the units at `position`, and the index after it."""
        if position >= len(self._tokens):
            return None
        token = self._tokens[position]
        previous = self._tokens[position - 1]
        if token.kind == "open" and token.start == previous.end and "*" in wanted:
            return "*", position
        if previous.kind == "percent" and token.text.lower() == "of" and "*" in wanted:
            return "*", position + 1
        position = self.skip_units(position)
        if position < len(self._tokens):
            token = self._tokens[position]
            if token.kind == "operator" and token.text in wanted:
                return token.text, position + 1
        return None

    def _factor(self, position: int, depth: int) -> _Read:
        tokens = self._tokens
        sign = ""
        if position < len(tokens) and tokens[position].text == "-" and is_glued(tokens, position):
            sign, position = "-", position + 1
        while position < len(tokens) and tokens[position].kind == "currency":
            position += 1
        if position >= len(tokens) or depth > MAX_DEPTH:
            raise _UnreadableError
        if tokens[position].kind == "number":
            return self._literal(position, sign)
        if tokens[position].kind != "open":
            raise _UnreadableError
        inner = self.read_sum(position + 1, depth + 1)
        end = self.skip_units(inner.end)
        if end >= len(tokens) or tokens[end].kind != "close":
            raise _UnreadableError
        value = -inner.value if sign else inner.value
        if not inner.operators:
            return _Read(value, f"{sign}{inner.text}", end + 1, 0, inner.places, inner.percent)
        return _Read(value, f"{sign}({inner.text})", end + 1, inner.operators)

    def _literal(self, position: int, sign: str) -> _Read:
        token = self._tokens[position]
        if len(token.text) > MAX_DIGITS:
            raise _UnreadableError
        value = number_of(token.text)
        places = len(token.text.partition(".")[2])
        text, end = token.text, position + 1
        percent = end < len(self._tokens) and self._tokens[end].kind == "percent"
        if percent:
            value, text, end = value / 100, f"{text}%", end + 1
        value = -value if sign else value
        self._parts.add(value)
        return _Read(value, f"{sign}{text}", end, 0, places, percent)
