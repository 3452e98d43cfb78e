"""How a text is read as one of the types of answers.

answer   := list | relation | choice | clock | date | value
list     := value ("," | ";" | "and" | "or") value ...
value    := set | tuple | interval | union | matrix | ratio | based number | quantity | words
quantity := expression [unit]
"""

import re
from fractions import Fraction
from functools import lru_cache

from synth.answers.algebra import symbols
from synth.answers.expression import Tree, whole_expression
from synth.answers.forms import (
    Based,
    Choice,
    Clock,
    Date,
    Form,
    Matrix,
    Named,
    Quantity,
    Relation,
    Sequence,
    Union,
    Words,
)
from synth.answers.quantities import DECIMAL_COMMA, number_in_sentence, plus_minus, quantity_of_number, read_quantity
from synth.answers.typography import MAX_ANSWER, tidy
from synth.answers.words import CHANGES, MONTHS

MAX_PARTS = 40

_CLOCK = re.compile(r"(\d{1,2})(?::(\d{2}))?(?::(\d{2}))?\s*(?:o'clock\s*)?(?:(a|p)\.?\s*m\.?)?", re.IGNORECASE)
_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_DATES = (
    re.compile(rf"(?:on\s+)?(?P<month>{_MONTH})\.?\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:,?\s+(?P<year>\d{{4}}))?", re.IGNORECASE),
    re.compile(
        rf"(?:on\s+)?(?:the\s+)?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:\s+of)?\s+(?P<month>{_MONTH})\.?(?:,?\s+(?P<year>\d{{4}}))?",
        re.IGNORECASE,
    ),
)  # fmt: skip
_WEEKDAY = re.compile(r"^(?:mon|tues|wednes|thurs|fri|satur|sun)day,?\s+(?=.*\d)", re.IGNORECASE)
_CHOICE_BARE = re.compile(r"([A-Z])|\(\s*([A-Za-z])\s*\)|([A-Z])\s*[.):]|\[\s*([A-Z])\s*\]")
_CHOICE_WORD = re.compile(r"(?:option|choice|answer|letter)\s+\(?([A-Za-z])\)?[.):]?(?:\s+(.*))?", re.IGNORECASE)
_CHOICE_TEXT = re.compile(r"(?:\(\s*([A-Z])\s*\)|([A-Z])\s*[.):])\s*[:.-]?\s*(\S.*)|([A-J])\s+([A-Z][a-z].*)")
_BASED = re.compile(r"\(?([0-9A-Fa-f]+)\)?\s*_\s*(?:\{\s*([0-9]{1,2})\s*\}|([0-9]{1,2}))")
_BASE_WORDS = re.compile(
    r"([0-9A-Fa-f]+)\s*\(?(?:in\s+)?base[\s-]*([0-9]{1,2}|two|three|four|five|six|seven|eight|nine)\)?", re.IGNORECASE
)
_BASES = {
    word: index for index, word in enumerate(["two", "three", "four", "five", "six", "seven", "eight", "nine"], 2)
}
_REMAINDER = re.compile(r"(\d+)\s*(?:,?\s*(?:with\s+)?(?:a\s+)?remainder(?:\s+of)?|rem\.?|r\.?)\s*(\d+)", re.IGNORECASE)
_RANGE = re.compile(r"(\d{1,9})-(\d{1,9})")
_RATIO = re.compile(r"(\S[^:]*?)\s*:\s*([^:]+?)(?:\s*:\s*([^:]+))?")
_RATIO_TO = re.compile(r"(\d+(?:\.\d+)?)\s+to\s+(\d+(?:\.\d+)?)")
_MATRIX = re.compile(
    r"^[\[(|]?\s*\\begin\s*\{([bpvBV]?matrix|smallmatrix|array)\*?\}(?:\s*\{[lcr|\s]*\})?(.*?)\\end\s*\{\1\*?\}\s*[\])|]?$",
    re.DOTALL,
)
_SIGNS = re.compile(r"<=|>=|!=|=<|=>|\\(?:le|ge|ne|approx|sim|in|equiv|to|rightarrow|Rightarrow)(?![A-Za-z])|[=<>≈]")
_SIGN = {
    "<=": "<=", "=<": "<=", "\\le": "<=", ">=": ">=", "\\ge": ">=", "!=": "!=", "\\ne": "!=", "\\approx": "~", "\\sim": "~",
    "≈": "~", "\\in": "in", "=": "=", "<": "<", ">": ">", "\\equiv": "other", "\\to": "other", "=>": "other",
    "\\rightarrow": "other", "\\Rightarrow": "other",
}  # fmt: skip
_NAME = re.compile(
    r"(?:[A-Za-z]|\\[A-Za-z]+)(?:_(?:\w|\{[^{}]{1,12}\}))?'*(?:\s*\(\s*-?[A-Za-z0-9](?:\s*,\s*[A-Za-z0-9])*\s*\))?|\|?[A-Z]{2,4}\|?(?:_\{?\w+\}?)?"
    r"|(?:\\(?:angle|overline|triangle|widehat)\s*\{?\s*)[A-Z]{1,4}\s*\}?|\\frac\s*\{[A-Z]{2}\}\s*\{[A-Z]{2}\}"
    r"|\|?[A-Z](?:_\{?\w+\}?)?\|?\s*:\s*[A-Z](?:_\{?\w+\}?)?"
)
_NAME_TUPLE = re.compile(r"\(\s*[A-Za-z](?:_\{?\w+\}?)?(?:\s*[,;]\s*[A-Za-z](?:_\{?\w+\}?)?)+\s*\)")
_WORD_NAME = re.compile(r"(?:[A-Za-z][a-z]+|[a-z])(?:[ '-][A-Za-z]+){0,6}")
_SEPARATOR_WORDS = re.compile(r"\s+(?:and|or|&)\s+|(?<=[\d)\]}])(?:and|or)(?=[\d(\[\\A-Za-z])", re.IGNORECASE)
_OPEN, _CLOSE = "([{", ")]}"
_NUMERIC = re.compile(r"[-+]?\d+(?:\.\d+)?")
_GLUED_THOUSANDS = re.compile(r"^[-+]?\d{1,3}(?:,\d{3})+$")
_MATH = re.compile(r"(?<![\\$])\$(?!\$)[^$]+(?<!\\)\$|\$\$[^$]+\$\$|\\\(.+?\\\)|\\\[.+?\\\]")


@lru_cache(maxsize=20_000)
def read_form(text: str) -> Form:
    """Read an answer as the type it has. Never raises on model text."""
    if len(text) > MAX_ANSWER * 3:
        return Words(text[:MAX_ANSWER])
    plain = tidy(text)
    if len(plain) > MAX_ANSWER or not plain:
        return Words(plain[:MAX_ANSWER])
    form = _form(plain, 0)
    if isinstance(form, Words) and not plain.isalpha():
        spans = _MATH.findall(text)
        outside = set(re.findall("[a-z']+", _MATH.sub(" ", text).casefold()))
        if len(spans) == 1 and outside and not outside & CHANGES:
            inner = _form(tidy(spans[0]), 0)
            return form if isinstance(inner, Words) else inner
    return form


def _form(text: str, depth: int) -> Form:
    number = quantity_of_number(text)
    if number is not None:
        return number
    if depth > 6:
        return Words(text)
    special = _special(text, depth)
    if special is not None:
        return special
    parts = split_list(text)
    if 1 < len(parts) <= MAX_PARTS:
        listed = _list(text, parts, depth)
        if listed is not None:
            return listed
    related = _related(text, depth)
    if related is not None:
        return related
    return _value(text, depth)


def _special(text: str, depth: int) -> Form | None:
    """Choices, dates, times, matrices and remainders: what has a layout of its own."""
    choice = _CHOICE_BARE.fullmatch(text)
    if choice:
        letter = next(filter(None, choice.groups()))
        return Choice(letter.upper() if not letter.islower() else letter, None, text, bare=choice[1] is not None)
    choice = _CHOICE_WORD.fullmatch(text)
    if choice:
        return Choice(choice[1].upper(), _form(choice[2], depth + 1) if choice[2] else None, text)
    choice = _CHOICE_TEXT.fullmatch(text)
    if choice and not (choice[3] and _SIGNS.match(choice[3])):
        letter = choice[1] or choice[2] or choice[4]
        rest = tidy(choice[3] or choice[5])
        if not re.match(r"[-+*/^_]", rest):
            return Choice(letter, _form(rest, depth + 1), text)
    dated = _WEEKDAY.sub("", text)
    for pattern in _DATES:
        date = pattern.fullmatch(dated)
        if date and 1 <= int(date["day"]) <= 31:
            year = int(date["year"]) if date["year"] else None
            return Date(MONTHS[date["month"].casefold()], int(date["day"]), year, text)
    clock = _CLOCK.fullmatch(text.removeprefix("at "))
    if clock and (clock[2] or clock[4] or "o'clock" in text.lower()) and int(clock[1]) < 25 and int(clock[2] or 0) < 60:
        parts = tuple(int(part) for part in (clock[1], clock[2] or "0", clock[3]) if part is not None)
        return Clock(parts, (clock[4] or "").lower(), text)
    matrix = _MATRIX.match(text)
    if matrix and "\\begin" not in matrix[2]:
        return _matrix(matrix[2], text, depth)
    span = _RANGE.fullmatch(text)
    if span and int(span[1]) < int(span[2]):
        return Words(text)
    remainder = _REMAINDER.fullmatch(text)
    if remainder:
        return Sequence("remainder", (_form(remainder[1], depth + 1), _form(remainder[2], depth + 1)), text)
    based = _BASED.fullmatch(text)
    if based:
        return Based(based[1].upper().lstrip("0") or "0", int(based[2] or based[3]), text)
    based = _BASE_WORDS.fullmatch(text)
    if based:
        return Based(based[1].upper().lstrip("0") or "0", _BASES.get(based[2].lower()) or int(based[2]), text)
    return None


def _matrix(body: str, text: str, depth: int) -> Form:
    rows = [row for row in re.split(r"\\\\", body.replace("\\hline", "")) if row.strip()]
    cells = tuple(tuple(_form(tidy(cell), depth + 1) for cell in row.split("&")) for row in rows)
    if not cells or len({len(row) for row in cells}) > 1 or sum(map(len, cells)) > 64:
        return Words(text)
    return Matrix(cells, text)


def split_list(text: str) -> list[str]:
    """Cut a text at commas, semicolons and the words `and`, `or` outside brackets. Digit groups stay whole."""
    pieces, depth, start = [], 0, 0
    spaced = ", " in text or ";" in text
    for index, character in enumerate(text):
        if character in _OPEN:
            depth += 1
        elif character in _CLOSE:
            depth -= 1
        elif (depth == 0 and character == ";") or (
            depth == 0 and character == "," and not _in_number(text, index, spaced)
        ):
            pieces.append(text[start:index])
            start = index + 1
    pieces.append(text[start:])
    parts = []
    for piece in pieces:
        parts.extend(_at_words(piece))
    parts = [re.sub(r"^(?:and|or)\s+", "", part.strip(), flags=re.IGNORECASE).strip() for part in parts]
    return [part for part in parts if part] if len(parts) > 1 else parts


def _at_words(piece: str) -> list[str]:
    """Cut at `and` and `or` outside brackets."""
    parts, start = [], 0
    for match in _SEPARATOR_WORDS.finditer(piece):
        before = piece[: match.start()]
        if sum(before.count(mark) for mark in _OPEN) == sum(before.count(mark) for mark in _CLOSE):
            parts.append(piece[start : match.start()])
            start = match.end()
    return [*parts, piece[start:]]


def _in_number(text: str, index: int, spaced: bool) -> bool:
    """Whether the comma at `index` stands between groups of digits of one number."""
    run_start, run_end = index, index + 1
    while run_start > 0 and (text[run_start - 1].isdigit() or text[run_start - 1] == ","):
        run_start -= 1
    while run_end < len(text) and (text[run_end].isdigit() or text[run_end] == ","):
        run_end += 1
    run = text[run_start:run_end].rstrip(",")
    if not spaced and run_start == 0 and run_end == len(text) and text.count(",") > 1 and run.startswith("0"):
        return False
    if DECIMAL_COMMA.match(run) and (run_start == 0 or not text[run_start - 1].isdigit()):
        return True
    return re.fullmatch(r"\d{1,3}(?:,\d{3})+", run) is not None and not run.startswith("0")


def _list(text: str, parts: list[str], depth: int) -> Form | None:
    forms = tuple(_form(tidy(part), depth + 1) for part in parts)
    if all(isinstance(form, Words) for form in forms) and re.search(r"\d", text):
        return None
    if any(isinstance(form, Words) for form in forms) and not all(isinstance(form, Words) for form in forms):
        return None
    values: list[Form] = []
    for form in forms:
        if isinstance(form, Sequence) and form.kind == "list":
            values.extend(form.parts)
        else:
            values.append(form)
    return Sequence("list", _solutions(tuple(values)), text)


def _solutions(forms: tuple[Form, ...]) -> tuple[Form, ...]:
    """`p = 5, q = 2, p = 7, q = 2` as (5, 2), (7, 2)."""
    named = [form for form in forms if isinstance(form, Named) and len(form.names) == 1]
    if len(named) != len(forms):
        return forms
    names = [form.names[0] for form in named]
    period = len(set(names))
    if not 1 < period < len(names) or len(names) % period or names != names[:period] * (len(names) // period):
        return forms
    values = [form.value for form in named]
    return tuple(
        Sequence("tuple", tuple(values[start : start + period]), "", "()") for start in range(0, len(values), period)
    )


def _related(text: str, depth: int) -> Form | None:
    """Equations, chains, inequalities and membership."""
    signs = _top_signs(text)
    if not signs or len(signs) > 8:
        return None
    sides, start = [], 0
    for position, end, _ in signs:
        sides.append(text[start:position].strip())
        start = end
    sides.append(text[start:].strip())
    kinds = [kind for _, _, kind in signs]
    if "other" in kinds or not sides[-1]:
        return Words(text)
    if not sides[0]:
        return _form(tidy(sides[-1]), depth + 1) if set(kinds) <= {"=", "~"} else Words(text)
    if kinds == ["in"]:
        return Named((_name(sides[0]),), _form(tidy(sides[1]), depth + 1), text) if _is_name(sides[0]) else Words(text)
    if set(kinds) <= {"=", "~"}:
        return _equation(text, sides, kinds, depth)
    trees = [_tree(side) for side in sides]
    if any(tree is None for tree in trees) or "~" in kinds or "in" in kinds:
        return Words(text)
    return Relation(tuple(tree for tree in trees if tree is not None), tuple(kinds), text)


def _equation(text: str, sides: list[str], kinds: list[str], depth: int) -> Form:
    """`x = 5` is named; `28/4 = 7` and `1/3 = 0.333 (rounded)` are their last exact member; others are equations."""
    exact = sides[: kinds.index("~") + 1] if "~" in kinds else sides
    names = sides[0] if _is_name(sides[0]) else ""
    if names and len(exact) == 1:
        exact = sides[:2]
    last = tidy(exact[-1])
    if names and len(exact) > 1:
        value = _form(last, depth + 1)
        tree = _tree(sides[0])
        if not (isinstance(value, Quantity) and tree is not None and symbols(tree) & symbols(value.tree)):
            return Named(_names(names), value, text)
    members = [_tree(side) for side in exact]
    if len(exact) == 1:
        return _form(last, depth + 1)
    if all(member is not None and not symbols(member) for member in members):
        return _form(last, depth + 1)
    if len(exact) > 2 and not symbols(members[-1] or ("s", "?")):
        return _form(last, depth + 1)
    if len(exact) == 2 and _WORD_NAME.fullmatch(exact[0]) and len(exact[0]) > 3:
        return _form(last, depth + 1)
    trees = tuple(member for member in members if member is not None)
    if len(trees) != len(members):
        return Words(text)
    return Relation(trees, ("=",) * (len(trees) - 1), text)


def _top_signs(text: str) -> list[tuple[int, int, str]]:
    found, depth, last = [], 0, 0
    for match in _SIGNS.finditer(text):
        piece = text[last : match.start()]
        depth += sum(piece.count(mark) for mark in _OPEN) - sum(piece.count(mark) for mark in _CLOSE)
        last = match.end()
        if depth == 0:
            found.append((match.start(), match.end(), _SIGN[match[0]]))
    return found


def _is_name(side: str) -> bool:
    side = side.strip()
    return bool(_NAME.fullmatch(side) or _NAME_TUPLE.fullmatch(side)) and side not in ("\\pi", "e", "i")


def _names(side: str) -> tuple[str, ...]:
    if _NAME_TUPLE.fullmatch(side):
        return tuple(_name(part) for part in re.split("[,;]", side.strip("() ")))
    return (_name(side),)


def _name(side: str) -> str:
    return re.sub(r"[\s{}]|\\(?:angle|overline|triangle|widehat)", "", side)


def _tree(side: str) -> Tree | None:
    plain = tidy(side)
    return whole_expression(plain) or (("n", value, None) if (value := _plain_value(plain)) is not None else None)


def _plain_value(text: str) -> Fraction | None:
    quantity = quantity_of_number(text)
    return quantity.value if quantity is not None else None


def _value(text: str, depth: int) -> Form:
    united = _split_top(text, r"\cup")
    if len(united) > 1:
        return Union(tuple(_form(part, depth + 1) for part in united), text)
    bracketed = _bracketed(text, depth)
    if bracketed is not None:
        return bracketed
    if text in (r"\emptyset", r"\{\}"):
        return Sequence("set", (), text)
    quantity = read_quantity(text)
    if quantity is not None:
        expanded = plus_minus(quantity)
        return expanded if expanded is not None else quantity
    ratio = _RATIO.fullmatch(text) or _RATIO_TO.fullmatch(text)
    if ratio:
        trees = [whole_expression(tidy(part)) for part in ratio.groups() if part is not None]
        if all(tree is not None for tree in trees):
            parts = tuple(Quantity(tree, "") for tree in trees if tree is not None)
            return Sequence("ratio", parts, text)
        label, _, rest = text.partition(":")
        if rest.strip() and label[:1].isupper() and _WORD_NAME.fullmatch(label.strip()):
            return _form(tidy(rest), depth + 1)
    return number_in_sentence(text) or Words(text)


def _split_top(text: str, mark: str) -> list[str]:
    if mark not in text:
        return [text]
    parts, depth, start, index = [], 0, 0, 0
    while index < len(text):
        depth += (text[index] in "([") - (text[index] in ")]")
        if text.startswith(mark, index):
            parts.append(text[start:index].strip())
            start = index + len(mark)
            index = start
            continue
        index += 1
    return [*parts, text[start:].strip()]


def _bracketed(text: str, depth: int) -> Form | None:
    """Sets, tuples and intervals: brackets around the whole text, with commas inside."""
    escaped = text.startswith(r"\{") and text.endswith(r"\}")
    angled = text.startswith(r"\langle") and text.endswith(r"\rangle")
    if escaped or angled:
        inner, brackets = (text[2:-2], "{}") if escaped else (text[7:-7], "()")
    elif len(text) > 2 and text[0] in _OPEN and text[-1] in _CLOSE and _closes_last(text):
        inner, brackets = text[1:-1], text[0] + text[-1]
    else:
        return None
    inner = inner.strip()
    parts = _bracket_parts(inner)
    if len(parts) == 1:
        if brackets in ("()", "{}") and not escaped:
            return Words(text) if brackets == "{}" else None  # one pair of braces is already taken off
        if brackets not in ("{}", "[]"):
            return None
    if len(parts) > MAX_PARTS or not all(parts):
        return Words(text)
    forms: tuple[Form, ...] = tuple(_form(tidy(part), depth + 1) for part in parts)
    if brackets == "{}":
        flat: list[Form] = []
        for form in forms:
            flat.extend(form.parts if isinstance(form, Sequence) and form.kind in ("list", "pm") else (form,))
        return Sequence("set", tuple(flat), text, brackets)
    kind = "interval" if len(parts) == 2 and brackets != "()" else "tuple"
    return Sequence(kind, forms, text, brackets)


def _bracket_parts(inner: str) -> list[str]:
    """Cut what stands in brackets: a lone digit group `1,100` is two numbers there, unless other commas are spaced."""
    if re.fullmatch(r"[-+\d,.]+", inner) and "," in inner:
        return inner.split(",")
    return split_list(inner)


def _closes_last(text: str) -> bool:
    depth = 0
    for index, character in enumerate(text):
        depth += (character in _OPEN) - (character in _CLOSE)
        if depth == 0:
            return index == len(text) - 1
    return False
