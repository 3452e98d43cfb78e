"""Answers with a layout of their own: choice letters, dates, times, matrices, named sets, remainders and numbers in a base."""

import re

from synth.answers.parsing.forms import Based, Choice, Clock, Date, Form, Quantity, Reader, Sequence, Words
from synth.answers.parsing.matrices import read_matrix
from synth.answers.parsing.typography import tidy
from synth.answers.parsing.words import MONTHS

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
_RELATION = re.compile(r"[<=>!]=|=<|[=<>≈]|\\(?:le|ge|ne|approx|sim|in|equiv|to|[rR]ightarrow)(?![A-Za-z])")
_BASED = re.compile(r"\(?([0-9A-Fa-f]+)\)?\s*_\s*(?:\{\s*([0-9]{1,2})\s*\}|([0-9]{1,2}))")
_BASE_WORDS = re.compile(
    r"([0-9A-Fa-f]+)\s*\(?(?:in\s+)?base[\s-]*([0-9]{1,2}|two|three|four|five|six|seven|eight|nine)\)?", re.IGNORECASE
)
_BASES = {
    word: index for index, word in enumerate(["two", "three", "four", "five", "six", "seven", "eight", "nine"], 2)
}
_REMAINDER = re.compile(r"(\d+)\s*(?:,?\s*(?:with\s+)?(?:a\s+)?remainder(?:\s+of)?|rem\.?|r\.?)\s*(\d+)", re.IGNORECASE)
_MIXED = re.compile(r"\d+\s+and\s+(\d{1,9})/(\d{1,9})")
_SPAN = re.compile(r"(\d{1,9})-(\d{1,9})")
_REALS = re.compile(
    r"\\(?:mathbb|Bbb|mathbf)\s*\{?\s*R\s*\}?|ℝ|(?:the\s+set\s+of\s+)?all\s+(?:the\s+)?reals?(?:\s+numbers?)?",
    re.IGNORECASE,
)
_NOTHING = re.compile(
    r"(?:there\s+(?:is|are)\s+)?no\s+(?:real\s+)?solutions?(?:\s+exists?)?|(?:the\s+)?empty\s+set", re.IGNORECASE
)


def read_layout(text: str, read: Reader) -> Form | None:
    """Read an answer that has a layout of its own; None for any other.

    Args:
        text: A tidy text.
        read: Reads a part of it.
    """
    for reader in (_choice, _date, _clock, read_matrix, _named_set, _span, _remainder, _based):
        form = reader(text, read)
        if form is not None:
            return form
    return None


def _choice(text: str, read: Reader) -> Form | None:
    choice = _CHOICE_BARE.fullmatch(text)
    if choice:
        letter = next(filter(None, choice.groups()))
        return Choice(letter.upper() if not letter.islower() else letter, None, text, bare=choice[1] is not None)
    choice = _CHOICE_WORD.fullmatch(text)
    if choice:
        return Choice(choice[1].upper(), read(choice[2]) if choice[2] else None, text)
    choice = _CHOICE_TEXT.fullmatch(text)
    if choice and not (choice[3] and _RELATION.match(choice[3])):
        letter = choice[1] or choice[2] or choice[4]
        option = tidy(choice[3] or choice[5])
        if not re.match(r"[-+*/^_]", option):
            return Choice(letter, read(option), text)
    return None


def _date(text: str, _: Reader) -> Form | None:
    dated = _WEEKDAY.sub("", text)
    for pattern in _DATES:
        date = pattern.fullmatch(dated)
        if date and 1 <= int(date["day"]) <= 31:
            year = int(date["year"]) if date["year"] else None
            return Date(MONTHS[date["month"].casefold()], int(date["day"]), year, text)
    return None


def _clock(text: str, _: Reader) -> Form | None:
    clock = _CLOCK.fullmatch(text.removeprefix("at "))
    if clock and (clock[2] or clock[4] or "o'clock" in text.lower()) and int(clock[1]) < 25 and int(clock[2] or 0) < 60:
        parts = tuple(int(part) for part in (clock[1], clock[2] or "0", clock[3]) if part is not None)
        return Clock(parts, (clock[4] or "").lower(), text)
    return None


def _named_set(text: str, _: Reader) -> Form | None:
    """All real numbers as an interval, no solution as the empty set."""
    if _REALS.fullmatch(text):
        ends = (Quantity(("neg", ("c", "inf")), ""), Quantity(("c", "inf"), ""))
        return Sequence("tuple", ends, text, "()")
    return Sequence("set", (), text) if _NOTHING.fullmatch(text) else None


def _span(text: str, _: Reader) -> Form | None:
    """`12-15` may be a span or a difference, `3 and 1/4` one number or two: they are left as words."""
    span = _SPAN.fullmatch(text) or _MIXED.fullmatch(text)
    return Words(text) if span and int(span[1]) < int(span[2]) else None


def _remainder(text: str, read: Reader) -> Form | None:
    remainder = _REMAINDER.fullmatch(text)
    return Sequence("remainder", (read(remainder[1]), read(remainder[2])), text) if remainder else None


def _based(text: str, _: Reader) -> Form | None:
    based = _BASED.fullmatch(text)
    if based:
        return Based(based[1].upper().lstrip("0") or "0", int(based[2] or based[3]), text)
    based = _BASE_WORDS.fullmatch(text)
    if based:
        return Based(based[1].upper().lstrip("0") or "0", _BASES.get(based[2].lower()) or int(based[2]), text)
    return None
