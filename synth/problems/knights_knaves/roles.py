"""Roles that a text gives to people: `Ann is a knight and Ben isn't one`, lists, tables, JSON; nothing that is only supposed."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from storage.errors import ProblemError
from synth.problems.knights_knaves.words import KNIGHTS, PAIRS, Words

MAX_READ = 4_000  # characters of an answer

UNSURE = re.compile(
    r"\b(?:if|or|not|either|neither|nor|suppose|assum\w*|cannot|can't|isn't|aren't|would|could|might|maybe|perhaps|try|unless"
    r"|says?|said|claim\w*|states?|implies|whether|contradict\w*|but|impossible|inconsistent|false|untrue|wrong|incorrect"
    r"|opposite|rul(?:e|es|ed|ing)\s+out|exclud\w*|reject\w*|never|fails?|invalid|instead|unlikely|no)\b|\?",
    re.IGNORECASE,
)
"""Words beside roles that may only be supposed, claimed or denied."""

_MARKUP = re.compile(r"[*_`#\"“”]|\\(?:text|mathrm|textbf|boxed)\b|[{}\\]")
_NUMBERED = re.compile(r"\(\d{1,2}\)|^\s*(?:\d{1,2}[.)]|[-•])\s+", re.MULTILINE)
_TABLE_HEAD = re.compile(
    r"^\s*\|?\s*(?:names?|persons?|people|islanders?)\s*\|.*$|^[\s|:-]+$", re.IGNORECASE | re.MULTILINE
)
_FITS = re.compile(
    r"\b(?:fits?|consistent|satisf\w+|works?|holds?|match\w*|all\s+(?:the\s+|of\s+the\s+)?(?:statements?|conditions?))\b",
    re.IGNORECASE,
)
_ADVERBS = r"(?:(?:indeed|definitely|certainly|clearly|really|actually|truly|therefore|thus|also|both|all|each)\s+)*"
_ARTICLE = r"(?:an?\s+|the\s+)?"


@lru_cache(maxsize=64)
def role_words(role_names: Words) -> re.Pattern[str]:
    """Return what finds a role word, also in the plural."""
    return re.compile(rf"\b(?:{_either(role_names)})(?:e?s)?\b", re.IGNORECASE)


@lru_cache(maxsize=64)
def _anybody(role_names: Words) -> re.Pattern[str]:
    return re.compile(
        rf"(?P<name>[^\W\d_]+)\s*(?:\bis\b|\bmust be\b|[:=–—→(-]|->)\s*{_ARTICLE}(?P<role>{_either(role_names)})\b",
        re.IGNORECASE,
    )


@lru_cache(maxsize=1_000)
def _people(names: tuple[str, ...], role_names: Words) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What finds the role of one of these people, and of several of them at once."""
    person = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    denied = r"(?P<denied>(?:\bis\s+not|\bisn't|\bcannot\s+be|\bcan't\s+be|\bcan\s+not\s+be)\b)"
    copula = rf"\s*(?:{denied}|\b(?:is|must\s+be|has\s+to\s+be)\b|[:=–—→|(-]|->)?\s*"
    single = rf"\b(?P<name>{person})\b{copula}{_ADVERBS}{_ARTICLE}(?P<role>{_either(role_names)})\b"
    joint = r"(?:\s*,\s*(?:and\s+)?|\s+and\s+|\s*&\s*)"
    several = (
        rf"\b(?P<names>(?:{person})(?:{joint}(?:{person}))+)\s+(?:(?P<denied>are\s+not|aren't)|are|must\s+(?:both\s+|all\s+)?be)\s+"
        rf"{_ADVERBS}(?P<role>{_either(role_names)})(?:e?s)\b"
    )
    return re.compile(single, re.IGNORECASE), re.compile(several, re.IGNORECASE)


def _either(role_names: Words) -> str:
    return f"{re.escape(role_names.truthful)}|{re.escape(role_names.lying)}"


def stated_roles(text: str, role_names: Words) -> list[tuple[str, bool]]:
    """Return every name, in lower case, that a text gives a role, with whether it is the truthful one."""
    return [
        (match["name"].casefold(), match["role"].casefold() == role_names.truthful)
        for match in _anybody(role_names).finditer(text)
    ]


def read_roles(part: str, names: Sequence[str], role_names: Words = KNIGHTS) -> tuple[bool, ...] | None:
    """Read the roles of all people, True for the truthful one; None unless each is given one, for sure and once.

    Lines behind the one that completes the assignment may repeat it and must not contradict it.
    """
    text = _TABLE_HEAD.sub(" ", part[:MAX_READ].replace("’", "'"))
    text = _NUMBERED.sub(" ", _MARKUP.sub(" ", text)).strip()
    if not UNSURE.search(text) and (grouped := _grouped(text, names, role_names)) is not None:
        return grouped
    lines = [line for line in text.splitlines() if line.strip()]
    for count, line in enumerate(lines, start=1):
        if not role_words(role_names).search(line):
            continue
        roles = _roles_of("\n".join(lines[:count]), names, role_names)
        if roles is None:
            return None
        if len(roles) == len(names):
            contradicted = any(_contradicts(later, roles, names, role_names) for later in lines[count:])
            return None if contradicted else tuple(roles[person] for person in range(len(names)))
    return None


def _roles_of(text: str, names: Sequence[str], role_names: Words) -> dict[int, bool] | None:
    """Who has which role by a text; None when it says more about roles than that, or is not sure."""
    single, several = _people(tuple(names), role_names)
    number = {name.casefold(): index for index, name in enumerate(names)}
    roles: dict[int, bool] = {}
    for pattern in (several, single):
        for match in pattern.finditer(text):
            for name in re.split(r"\s*(?:,|&|\band\b)\s*", match.groupdict().get("names") or match["name"]):
                person = number.get(name.strip().casefold())
                if person is None and not name.strip():
                    continue
                if person is None or person in roles:
                    return None
                roles[person] = (match["role"].casefold() == role_names.truthful) is not bool(match["denied"])
        text = pattern.sub(" ", text)
    if role_words(role_names).search(text) or UNSURE.search(text):
        return None
    return roles


def _contradicts(line: str, roles: Mapping[int, bool], names: Sequence[str], role_names: Words) -> bool:
    """Whether a line gives somebody another role, for sure."""
    others = _roles_of(line, names, role_names) or {}
    return any(roles[person] is not role for person, role in others.items())


def _grouped(text: str, names: Sequence[str], role_names: Words) -> tuple[bool, ...] | None:
    """Roles given as lists of names, `Knights: Ann, Cal; knaves: Ben`; None unless each person stands in one list."""
    number = {name.casefold(): index for index, name in enumerate(names)}
    head = re.compile(rf"\b(?:the\s+)?({_either(role_names)})(?:e?s)?\s*(?:are|is)?\s*[:=–-]\s*", re.IGNORECASE)
    heads = list(head.finditer(text))
    if not heads or len(heads) > 2 or text[: heads[0].start()].strip(" :,.;{"):
        return None
    roles: dict[int, bool] = {}
    for index, match in enumerate(heads):
        end = heads[index + 1].start() if index + 1 < len(heads) else len(text)
        for name in re.findall(r"[^\W\d_]+", text[match.end() : end]):
            if name.casefold() in ("and", "none", "nobody"):
                continue
            person = number.get(name.casefold())
            if person is None or person in roles:
                return None
            roles[person] = match[1].casefold() == role_names.truthful
    return tuple(roles[person] for person in range(len(names))) if len(roles) == len(names) else None


def closing_roles(response: str, names: Sequence[str], role_names: Words) -> str | None:
    """Return the last line or paragraph of an answer without a mark, if it states roles and is sure of them.

    A paragraph behind it that says that it fits is passed over.
    """
    text = response.rpartition("</think>")[2].strip()
    if not text or "<think>" in text:
        return None
    paragraphs = re.split(r"\n\s*\n", text)
    last = paragraphs[-1]
    if (
        len(paragraphs) > 1
        and _FITS.search(last)
        and not role_words(role_names).search(last)
        and not UNSURE.search(last)
    ):
        last = paragraphs[-2]
        return None if UNSURE.search(last) or read_roles(last, names, role_names) is None else last
    candidates = [part for part in (last.strip().splitlines()[-1], last) if role_words(role_names).search(part)]
    whole = [part for part in candidates if read_roles(part, names, role_names) is not None]
    sure = [part for part in candidates if not UNSURE.search(part)]
    return (whole or sure or [None])[0]


def read_assignment(gold: str) -> tuple[tuple[str, ...], tuple[bool, ...], Words]:
    """Read a gold answer such as `Ann is a knight, Ben is a knave`: names, roles, and the words for the roles.

    Raises:
        ProblemError: It is no such assignment.
    """
    for role_names in (KNIGHTS, *PAIRS):
        names = tuple(dict.fromkeys(match["name"] for match in _anybody(role_names).finditer(gold)))
        roles = read_roles(gold, names, role_names) if names else None
        if roles is not None:
            return names, roles, role_names
    raise ProblemError(
        f"the gold answer {gold[:80]!r} names nobody's role; write one such as 'Ann is a knight, Ben is a knave'."
    )
