"""Read arithmetic expressions inside prose, exactly and inside limits: a tokenizer and a recursive-descent parser."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import prod

MAX_DIGITS = 30  # of one number
MAX_OPERATORS = 60
MAX_DEPTH = 20
MAX_FLAT = 6  # terms of a sum or product whose partial results are listed
MAX_UNITS = 5  # words between a number and the next operator

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?|\.[0-9]+)
     |(?P<cross>[xX](?=\s*[$€£]?\s*[0-9.(]|\s+-[0-9]))
     |(?P<word>[^\W\d_]+(?:['’-][^\W\d_]+)*)
     |(?P<equals>(?<![<>!=:~])=(?![=>])|≈)
     |(?P<operator>[-+*/×÷·∗−–])
     |(?P<open>[(\[])|(?P<close>[)\]])
     |(?P<percent>%)
     |(?P<currency>[$€£¥])
     |(?P<other>\S)
    )""",
    re.VERBOSE,
)
_SYMBOL = {"×": "*", "·": "*", "∗": "*", "x": "*", "X": "*", "÷": "/", "−": "-", "–": "-"}
_WORD_OPERATOR = {"times": "*", "plus": "+", "minus": "-", "x": "*"}
_UNIT_LETTERS = frozenset("mglsh")
_SCALES = frozenset({"hundred", "thousand", "million", "billion", "trillion"})
_LATEX = (
    (re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}"), r"(\1)/(\2)"),
    (re.compile(r"\\(?:times|cdot)\b"), "*"),
    (re.compile(r"\\div\b"), "/"),
    (re.compile(r"\\(?:text|mathrm|mathbf)\s*\{([^{}]*)\}"), r" \1 "),
    (re.compile(r"\\([$%])"), r"\1"),
    (re.compile(r"\\[()\[\],;:! ]|\\(?:left|right|quad)\b"), " "),
    (re.compile(r"(?<=\d)\*\*(?=\d)"), "^"),
    (re.compile(r"\*\*|__|`"), " "),
)


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


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


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
    tokens = _tokens(text)
    parser = _Parser(tokens)
    try:
        read = parser.read_sum(0, 0)
    except _UnreadableError:
        return None
    return parser.expression(read) if parser.skip_units(read.end) == len(tokens) else None


def runs(text: str) -> list[tuple[Expression, Expression]]:
    """Find the pairs of expressions joined by `=` in a line of prose; a chain `a = b = c` gives two pairs."""
    tokens = _tokens(text)
    pairs = []
    position = 0
    left: Expression | None = None
    left_end = -1
    while position < len(tokens):
        run = _run(tokens, position)
        if run is None:
            position += 1
            continue
        expression, end, after = run
        joined = (
            position > 0 and left is not None and left_end == position - 1 and tokens[position - 1].kind == "equals"
        )
        if joined and left is not None and not _tainted_after(tokens, end):
            pairs.append((left, expression))
        clean = joined or not _tainted_before(tokens, position)
        if not joined and not expression.operators:
            # `8 = 5 + 3` is an equation, `it takes 14 hours = 14 * 60 minutes` is not.
            clean = clean and after == end and (position == 0 or tokens[position - 1].kind != "word")
        left, left_end = (expression, after) if clean else (None, -1)
        position = end
    return pairs


def numbers(text: str) -> set[Fraction]:
    """All plain numbers in a text."""
    return {_number(token.text) for token in _tokens(text) if token.kind == "number" and len(token.text) <= MAX_DIGITS}


def _tokens(text: str) -> list[_Token]:
    for pattern, plain in _LATEX:
        text = pattern.sub(plain, text)
    tokens = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "other"
        word, start, end = match[kind], match.start(kind), match.end(kind)
        if kind == "cross" or (kind == "word" and word.lower() in _WORD_OPERATOR and word not in "xX"):
            kind, word = "operator", _WORD_OPERATOR[word.lower()]
        elif kind == "operator":
            word = _SYMBOL.get(word, word)
        tokens.append(_Token(kind, word, start, end))
    return tokens


def _number(text: str) -> Fraction:
    return Fraction(text.replace(",", ""))


def _run(tokens: Sequence[_Token], position: int) -> tuple[Expression, int, int] | None:
    """The longest expression that starts at `position`, the index after it, and the index after its units."""
    token = tokens[position]
    if token.kind not in ("number", "open", "currency") and not _unary(tokens, position):
        return None
    parser = _Parser(tokens)
    try:
        read = parser.read_sum(position, 0)
    except _UnreadableError:
        return None
    return parser.expression(read), read.end, parser.skip_units(read.end)


def _unary(tokens: Sequence[_Token], position: int) -> bool:
    """Whether a minus here is a sign: glued to what follows, and nothing before it to subtract from."""
    if tokens[position].text != "-" or position + 1 == len(tokens):
        return False
    if tokens[position].end != tokens[position + 1].start:
        return False
    before = tokens[position - 1] if position else None
    if before is None or before.kind in ("equals", "open"):
        return True
    return before.kind == "word" and len(before.text) > 1 and before.end < tokens[position].start


def _tainted_before(tokens: Sequence[_Token], position: int) -> bool:
    """Whether the expression at `position` is only the tail of something that could not be read."""
    if position == 0:
        return False
    before = tokens[position - 1]
    if before.kind in ("operator", "number", "close", "percent"):
        return True
    if before.kind == "word":
        return len(before.text) == 1 and before.text not in "aAI" and before.end == tokens[position].start
    if before.kind == "open":
        return position > 1 and tokens[position - 2].kind == "operator"
    if before.text == ":":
        return before.end == tokens[position].start and position > 1 and tokens[position - 2].kind == "number"
    return before.kind == "other" and before.text not in ",.;!?\"'“”‘’…>|{}→•"


def _tainted_after(tokens: Sequence[_Token], position: int) -> bool:
    """Whether the expression before `position` goes on in a way that could not be read."""
    if position >= len(tokens):
        return False
    token = tokens[position]
    following = tokens[position + 1] if position + 1 < len(tokens) else None
    if token.kind == "word":
        return token.text.lower() in _SCALES or _variable(tokens, position)
    if token.kind == "other":
        if token.text == ":":
            return following is not None and following.kind == "number" and token.end == following.start
        return token.text in "^!√²³_"
    if token.kind == "operator" and following is not None:
        return following.kind == "open" or (following.kind == "word" and _variable(tokens, position + 1))
    return token.kind == "number"


def _variable(tokens: Sequence[_Token], position: int) -> bool:
    """Whether the word at `position` is the name of an unknown, not a unit or an article."""
    token = tokens[position]
    if len(token.text) != 1:
        return False
    glued = position > 0 and tokens[position - 1].end == token.start
    return glued or (token.text not in _UNIT_LETTERS and token.text not in "aAI")


class _Parser:
    """sum := product (('+' | '-') product)* ; product := factor (('*' | '/') factor)* ; units are skipped."""

    def __init__(self, tokens: Sequence[_Token]) -> None:
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
            if (token.kind == "word" and _variable(self._tokens, position)) or (
                per and _variable(self._tokens, position + 1)
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
        if position < len(tokens) and tokens[position].text == "-" and _glued(tokens, position):
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
        value = _number(token.text)
        places = len(token.text.partition(".")[2])
        text, end = token.text, position + 1
        percent = end < len(self._tokens) and self._tokens[end].kind == "percent"
        if percent:
            value, text, end = value / 100, f"{text}%", end + 1
        value = -value if sign else value
        self._parts.add(value)
        return _Read(value, f"{sign}{text}", end, 0, places, percent)


def _glued(tokens: Sequence[_Token], position: int) -> bool:
    return position + 1 < len(tokens) and tokens[position].end == tokens[position + 1].start
