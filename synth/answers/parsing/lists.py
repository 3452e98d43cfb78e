"""Several values in one text: lists at commas and words, sets, tuples, intervals and unions in brackets."""

import re

from synth.answers.parsing.brackets import CLOSING, OPENING, closes_last
from synth.answers.parsing.forms import Form, Named, Reader, Sequence, Union, Words
from synth.answers.parsing.quantities import DECIMAL_COMMA

MAX_PARTS = 40

_SEPARATOR_WORDS = re.compile(r"\s+(?:and|or|&)\s+|(?<=[\d)\]}])(?:and|or)(?=[\d(\[\\A-Za-z])", re.IGNORECASE)


def read_list(text: str, read: Reader) -> Form | None:
    """Read values that commas, semicolons, `and` or `or` separate; None when there is one only, or some are words."""
    parts = split_list(text)
    if not 1 < len(parts) <= MAX_PARTS:
        return None
    forms = tuple(read(part) for part in parts)
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


def read_union(text: str, read: Reader) -> Form | None:
    """Read a union of intervals and sets; None without its sign."""
    united = _split_top(text, r"\cup")
    return Union(tuple(read(part) for part in united), text) if len(united) > 1 else None


def read_bracketed(text: str, read: Reader) -> Form | None:
    """Read a set, tuple or interval: brackets around the whole text, with commas inside; None for anything else."""
    if text in (r"\emptyset", r"\{\}"):
        return Sequence("set", (), text)
    escaped = text.startswith(r"\{") and text.endswith(r"\}")
    angled = text.startswith(r"\langle") and text.endswith(r"\rangle")
    if escaped or angled:
        inner, brackets = (text[2:-2], "{}") if escaped else (text[7:-7], "()")
    elif len(text) > 2 and text[0] in OPENING and text[-1] in CLOSING and closes_last(text):
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
    forms: tuple[Form, ...] = tuple(read(part) for part in parts)
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


def split_list(text: str) -> list[str]:
    """Cut a text at commas, semicolons and the words `and`, `or` outside brackets. Digit groups stay whole."""
    pieces, depth, start = [], 0, 0
    spaced = ", " in text or ";" in text
    for index, character in enumerate(text):
        if character in OPENING:
            depth += 1
        elif character in CLOSING:
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
        if sum(before.count(mark) for mark in OPENING) == sum(before.count(mark) for mark in CLOSING):
            parts.append(piece[start : match.start()])
            start = match.end()
    return [*parts, piece[start:]]


def _in_number(text: str, index: int, spaced: bool) -> bool:
    """Whether the comma at `index` stands between groups of digits of one number."""
    if not text[index + 1 : index + 2].isdigit():
        return False
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
