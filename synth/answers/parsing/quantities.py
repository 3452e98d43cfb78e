r"""Numbers and expressions with what they count: `$5`, `1.5 km/h`, `3 dozen eggs`, `12\pi cm^2`."""

import re
from fractions import Fraction

from synth.answers.algebra.exact import constant
from synth.answers.algebra.expression import Tree, read_expression, whole_expression
from synth.answers.algebra.tokens import number_value
from synth.answers.algebra.trees import has, symbols
from synth.answers.parsing.forms import Form, Quantity, Sequence
from synth.answers.parsing.units import Unit, parse_unit
from synth.answers.parsing.words import (
    CHANGES,
    FILLERS,
    GROUP_SCALES,
    HEDGES,
    NUMBER_SCALES,
    noun_stems,
    number_in_words,
)

_INTEGER = re.compile(r"-?\d{1,30}")
_PLAIN = re.compile(
    r"(?P<sign>[-+]?)(?P<currency>[$€£¥₹\ue000]?)\s*(?P<inner>-?)(?P<number>[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d*)?|\.\d+)"
)
_CURRENCY = re.compile(r"^([-+]?)\s*(us\s?\$|usd|eur|gbp|inr|rs\.?|rmb|[$€£¥₹\ue000])\s*(?=[-\d.\\(])", re.IGNORECASE)
_ORDINAL = re.compile(r"[-+]?\d+(?:st|nd|rd|th|ish)\b", re.IGNORECASE)
_CURRENCY_END = re.compile(r"(?<=[\d}])\s*[\ue000]$")
DECIMAL_COMMA = re.compile(r"^([-+]?)(0,\d+|\d{4,},\d{1,2})(?![\d,])")
_SUM_SHOWN = re.compile(r"([-+]?\d[\d,]*(?:\.\d+)?)\s+\(([^()]*[-+*/][^()]*)\)")  # `31 (20 + 11)`
_WORD_FRACTION = re.compile(r"-(?=(?:hal|third|quarter|fourth|fifth|sixth|seventh|eighth|ninth|tenth))", re.IGNORECASE)
_LETTERS_ONLY = re.compile(r"[A-Za-z]{2,}|[A-Za-z]{3,}!")


def quantity_of_number(text: str) -> Quantity | None:
    """Read a plain number with nothing beside it but a currency sign; None for anything else. The short way."""
    if _INTEGER.fullmatch(text):
        return Quantity(("n", Fraction(int(text)), None), text)
    match = _PLAIN.fullmatch(text)
    if match is None or (match["sign"] and match["inner"]):
        return None
    number = match["number"].rstrip(".")
    if sum(map(str.isdigit, number)) > 60:
        return None
    value = number_value(number)
    if "-" in match["sign"] + match["inner"]:
        value = -value
    places = len(number.partition(".")[2]) if "." in number else None
    unit = parse_unit(match["currency"]) if match["currency"] else None
    return Quantity(("n", value, places), text, unit=unit, places=places)


def plus_minus(quantity: Quantity) -> Form | None:
    """`1 ± 2` is the two numbers."""
    if not has(quantity.tree, "pm"):
        return None
    both = tuple(
        Quantity(_signed(quantity.tree, sign), quantity.text, unit=quantity.unit, nouns=quantity.nouns)
        for sign in ("add", "sub")
    )
    return Sequence("pm", both, quantity.text)


def _signed(tree: Tree, sign: str) -> Tree:
    if tree[0] == "pm":
        left, right = _signed(tree[1], sign), _signed(tree[2], sign)
        return ("add", left, right if sign == "add" else ("neg", right))
    return tuple(_signed(part, sign) if isinstance(part, tuple) else part for part in tree)


def read_quantity(text: str) -> Quantity | None:
    """Read an expression with what it counts; None when the text is none."""
    text = _without_hedges(text)
    currency = _CURRENCY.match(text)
    unit = None
    if currency:
        unit = parse_unit(currency[2].rstrip(".").replace(" ", ""))
        text = currency[1] + text[currency.end() :]
    elif _CURRENCY_END.search(text):
        unit, text = parse_unit("$"), _CURRENCY_END.sub("", text)
    comma = DECIMAL_COMMA.match(text)
    if comma:
        text = comma[1] + comma[2].replace(",", ".") + text[comma.end() :]
    elif re.fullmatch(r"[-+]?\d,\d{1,2}", text):
        return None
    if _ORDINAL.match(text):
        return None
    in_words = number_in_words(text)
    if in_words is not None:
        return Quantity(("n", in_words, None), text, unit=unit)
    worded = _words_and_unit(text)
    if worded is not None:
        return worded
    sign = re.match(r"(?:minus|negative)\s+(?=[\d\\.])", text, re.IGNORECASE)
    if sign:
        text = "-" + text[sign.end() :]
    if _LETTERS_ONLY.fullmatch(text) and text.lower() not in ("pi", "infinity"):
        return None
    return _counted(text, unit) or _expression(text, unit)


def _words_and_unit(text: str) -> Quantity | None:
    """A number in words with what it counts: `ten dollars`, `twenty-one red apples`."""
    pieces = _WORD_FRACTION.sub(" ", text).split()
    for size in range(min(len(pieces) - 1, 6), 0, -1):
        value = number_in_words(" ".join(pieces[:size]))
        if value is not None:
            return _with_words(("n", value, None), " ".join(pieces[size:]), text, None)
    return None


def _same_value(number: str, expression: str) -> bool:
    """Whether an expression of numbers has the value that stands before it."""
    left, right = whole_expression(number), whole_expression(expression)
    if left is None or right is None:
        return False
    value = constant(left)
    return value is not None and value == constant(right)


def _without_hedges(text: str) -> str:
    while True:
        hedge = HEDGES.match(text)
        if hedge is None or hedge.end() == 0:
            break
        text = text[hedge.end() :].strip()
    filler = FILLERS.search(text)
    if filler and filler.start() > 0 and re.search(r"\d", text[: filler.start()]):
        text = text[: filler.start()].strip()
    sum_shown = _SUM_SHOWN.fullmatch(text)
    if sum_shown and _same_value(sum_shown[1], sum_shown[2]):
        text = sum_shown[1]
    gloss = re.search(r"\s+\(\s*(?:or\s+)?[A-Za-z][A-Za-z -]*\)$", text)
    if gloss and not CHANGES & set(re.findall("[a-z]+", gloss[0].lower())):
        text = text[: gloss.start()]
    return text


_SIMPLE_NUMBER = re.compile(
    r"(?P<number>[-+]?(?:\d+\s+\d+/\d+|\d+/\d+|\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,3}(?: \d{3})+(?!\d)|\d+(?:\.\d+)?|\.\d+))"
    r"(?P<gap>[\s-]*)(?P<rest>[A-Za-z°¢€£¥₹%].*|/\s*[A-Za-z].*)"
)


def _counted(text: str, unit: Unit | None) -> Quantity | None:
    """A plain number followed by words or a unit."""
    match = _SIMPLE_NUMBER.fullmatch(text)
    if match is None:
        return None
    tree = whole_expression(match["number"])
    if tree is None:
        return None
    rest = match["rest"].strip()
    # `2x` and `2ab` are products; `5 m` may be one: the reader of the pair decides.
    glued = not match["gap"]
    if rest.startswith("/"):
        rest = "per " + rest[1:].strip()
    named_unit = parse_unit(rest.removeprefix("per ")) if not re.match(r"[A-Za-z]\s*[-+*=(]", rest) else None
    if named_unit is not None:
        if rest.startswith("per "):
            named_unit = Unit(tuple((kind, -power) for kind, power in named_unit.dimensions), 1 / named_unit.factor)
        product = whole_expression(text) if named_unit.symbol or len(rest) <= 3 else None
        return Quantity(
            tree, text, unit=_times(unit, named_unit), places=_places(tree), product=product if glued else None
        )
    if (
        glued
        and re.match(r"[A-Za-z](?![A-Za-z])|[A-Za-z]{2,3}(?![A-Za-z])", rest)
        and rest.lower() not in NUMBER_SCALES
    ):
        return None
    if len(rest) == 1 and rest.isalpha() and rest not in "aI" and rest.lower() not in NUMBER_SCALES:
        return None
    return _with_words(tree, rest, text, unit)


def _places(tree: Tree) -> int | None:
    node = tree[1] if tree[0] == "neg" else tree
    return node[2] if node[0] == "n" else None


def _times(unit: Unit | None, other: Unit) -> Unit:
    """A currency before a number with the unit behind it: `$5 per hour`, `$5 USD`."""
    if unit is None or unit == other or (other.money and other.dimensions == unit.dimensions):
        return other
    powers = dict(unit.dimensions)
    for kind, power in other.dimensions:
        powers[kind] = powers.get(kind, 0) + power
    return Unit(tuple(sorted((kind, power) for kind, power in powers.items() if power)), unit.factor * other.factor)


def _with_words(tree: Tree, rest: str, text: str, unit: Unit | None) -> Quantity | None:
    """A number with the words behind it: percent, scales, groups, units and nouns."""
    places = _places(tree)
    lower = rest.casefold().strip(" .")
    percent = re.match(r"(?:%|percent(?:age)?(?:\s+points?)?|per\s+cent|pct)(?![a-z])\.?\s*(.*)", lower)
    if percent:
        if CHANGES & set(re.findall("[a-z']+", percent[1])):
            return None
        return Quantity(tree, text, percent=True, places=places)
    first, _, others = lower.replace("-", " ").partition(" ")
    scale = NUMBER_SCALES.get(first)
    scaled = False
    while scale is not None:
        if tree[0] not in ("n", "neg", "div") or (first == "k" and others):
            return None
        tree, scaled, places = ("mul", tree, ("n", scale, None)), True, None
        lower = re.sub(r"^of\s+(?:an?\s+|the\s+)?", "", others.strip())
        first, _, others = lower.partition(" ")
        scale = NUMBER_SCALES.get(first)
    if first == "factorial" and not others:
        return Quantity(("f", "factorial", tree), text)
    group = GROUP_SCALES.get(first)
    if group is not None:
        lower = others
    if not lower:
        return Quantity(tree, text, unit=unit, scaled=scaled, group=group, places=places)
    named_unit = parse_unit(lower)
    if named_unit is not None:
        return Quantity(tree, text, unit=_times(unit, named_unit), scaled=scaled, group=group, places=places)
    nouns_written = re.findall(r"[^\W\d_]+(?:'[a-z]+)?", lower)
    if not nouns_written or len(nouns_written) > 14 or re.search(r"\d", lower) or re.search(r"[=<>+*/^\\_]", lower):
        return None
    if CHANGES & set(nouns_written) or set(nouns_written) & (set(NUMBER_SCALES) | set(GROUP_SCALES)) - {
        "second",
        "quarter",
    }:
        return None
    leading = _leading_unit(lower)
    nouns = noun_stems(lower)
    return Quantity(
        tree, text, unit=_times(unit, leading) if leading else unit, nouns=frozenset() if leading else nouns,
        scaled=scaled, group=group, places=places,
    )  # fmt: skip


def _leading_unit(phrase: str) -> Unit | None:
    """The unit that a phrase begins with: `dollars every day`, `hours of work`, `inches tall`."""
    pieces = phrase.split()
    for size in range(min(len(pieces) - 1, 4), 0, -1):
        named_unit = parse_unit(" ".join(pieces[:size]))
        if named_unit is not None and not named_unit.symbol:
            return named_unit
    return None


def _expression(text: str, unit: Unit | None) -> Quantity | None:
    read = read_expression(text)
    if read is None:
        return None
    other = None
    if read.ambiguous:
        tight = read_expression(text, tight_slash=True)
        other = tight.tree if tight is not None and tight.rest == read.rest else None
    if not read.rest:
        return Quantity(read.tree, text, unit=unit, places=_places(read.tree), other=other)
    rest = read.rest.strip().lstrip("-").strip()
    if rest.startswith("%") and rest.strip("% ") == "":
        return Quantity(read.tree, text, percent=True, places=_places(read.tree), other=other)
    if rest.startswith("/"):
        rest = "per " + rest[1:].strip()
    if not re.match(r"[A-Za-z°¢€£¥%]", rest) or re.search(r"[\\=<>]", rest):
        return None
    if symbols(read.tree) and text[:1].isalpha():
        return None  # a word of three letters and others are no product
    named_unit = parse_unit(rest)
    if named_unit is not None:
        return Quantity(read.tree, text, unit=_times(unit, named_unit), places=_places(read.tree), other=other)
    if symbols(read.tree):
        return None
    return _with_words(read.tree, rest, text, unit)
