"""Puzzles as text, and back: a `full` wording in English, and a `compact` one of few words for tiny models."""

import random
import re
from collections.abc import Sequence
from typing import Literal

from synth.problems.knights_knaves.statements import KNAVE, KNIGHT, Puzzle, Statement

Style = Literal["full", "compact"]

NAMES = tuple(
    """Alice Anna Arthur Bella Boris Carla Cedric Clara Daniel Diana Edgar Elena Emil Erik Fiona Frank Gina Gregor Hanna
    Hector Ida Igor Irene Jasper Julia Karl Kira Laura Leo Lydia Marco Martha Max Nadia Nils Nora Oscar Paula Peter
    Quentin Rita Robert Rosa Samuel Sara Simon Tara Theo Ursula Vera Victor Walter Wendy Yara Zoe""".split()  # noqa: SIM905
)
COMPACT_NAMES = ("ann", "ben", "cal", "dee", "eve", "fay", "gus", "hal")

FRAMES = (
    '{name} says, "{claim}."',
    '{name} told you, "{claim}."',
    '"{claim}," {name} declares.',
    '"{claim}," {name} tells you.',
    "{name} states that {claim}.",
    "{name} claims that {claim}.",
    "{name} insists that {claim}.",
    "{name} maintains that {claim}.",
    "According to {name}, {claim}.",
    "If you ask {name}, {claim}.",
    "In the words of {name}: {claim}.",
    "You hear from {name} that {claim}.",
    "{name} lets you know that {claim}.",
    '{name} remarks: "{claim}."',
    "{name} whispers that {claim}.",
    "{name} wants you to know that {claim}.",
    "{name} assures you that {claim}.",
    '{name} nods and answers, "{claim}."',
)

_PREAMBLE = (
    "On a remote island everyone is either a knight or a knave. What a knight says is always true, and what a knave "
    "says is always false. You meet {count} people there: {names}."
)
_QUESTION = "Who is a knight and who is a knave?"

_NAME = r"[^\W\d_]+"
_LEAF = rf"{_NAME} is (?:not )?a (?:knight|knave)"
_CLAIM = rf"(?:[Ii]f {_LEAF}, then {_LEAF}|{_LEAF}(?: (?:and|or|if and only if) {_LEAF})*)"


def write(puzzle: Puzzle, names: Sequence[str], style: Style, rng: random.Random) -> str:
    """Write a puzzle as a question; `rng` chooses the frames of the full wording."""
    if style == "compact":
        said = [f"{name} says {compact_claim(claim, names)} ." for name, claim in zip(names, puzzle, strict=True)]
        return " ".join([*said, "who is a knight ?"])
    said = []
    for name, statement in zip(names, puzzle, strict=True):
        frame = rng.choice(FRAMES)
        text = full_claim(statement, names)
        said.append(frame.format(name=name, claim=text[0].upper() + text[1:] if '"{claim}' in frame else text))
    preamble = _PREAMBLE.format(count=len(names), names=_listed(names))
    return " ".join([preamble, *said, _QUESTION])


def read(text: str) -> tuple[Puzzle, list[str]]:
    """Read a puzzle written by `write` back, with its people's names.

    Raises:
        ValueError: The text is not such a puzzle.
    """
    said = _said_compact(text) if text.endswith("who is a knight ?") else _said_full(text)
    names = [name for name, _ in said]
    if len(set(names)) != len(names) or not names:
        raise ValueError("not one statement per person")
    number = {name: index for index, name in enumerate(names)}
    read_claim = _read_compact if text.endswith("who is a knight ?") else _read_full
    try:
        return tuple(read_claim(claim, number) for _, claim in said), names
    except KeyError as error:
        raise ValueError(f"{error.args[0]!r} is spoken of but says nothing") from None


def answer_text(roles: Sequence[bool], names: Sequence[str]) -> str:
    """An assignment as the answer is written: `Ann is a knight, Ben is a knave`."""
    return ", ".join(f"{name} is a {role_word(knight)}" for name, knight in zip(names, roles, strict=True))


def role_word(knight: bool) -> str:
    """`knight` or `knave`."""
    return KNIGHT if knight else KNAVE


def claim_text(statement: Statement, names: Sequence[str], style: Style) -> str:
    """A statement in the wording of a style."""
    return compact_claim(statement, names) if style == "compact" else full_claim(statement, names)


def full_claim(statement: Statement, names: Sequence[str]) -> str:
    """A statement in English. Like the published generator, only for statements of depth two."""
    operator, *parts = statement
    if operator in (KNIGHT, KNAVE):
        return f"{names[parts[0]]} is a {operator}"
    if operator == "not":
        return f"{names[parts[0][1]]} is not a {parts[0][0]}"
    texts = [full_claim(part, names) for part in parts]
    if operator == "implies":
        return f"if {texts[0]}, then {texts[1]}"
    return (" if and only if " if operator == "iff" else f" {operator} ").join(texts)


def compact_claim(statement: Statement, names: Sequence[str]) -> str:
    """A statement in few words: `ben lies`, `not ben lies`, `if ann lies then ben tells truth`."""
    operator, *parts = statement
    if operator in (KNIGHT, KNAVE):
        return f"{names[parts[0]]} {'tells truth' if operator == KNIGHT else 'lies'}"
    texts = [compact_claim(part, names) for part in parts]
    if operator == "not":
        return f"not {texts[0]}"
    return f"if {texts[0]} then {texts[1]}" if operator == "implies" else f" {operator} ".join(texts)


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _frame_pattern(frame: str) -> str:
    before, _, after = re.escape(frame).partition(re.escape("{claim}"))
    name = re.escape("{name}")
    return f"{before.replace(name, _NAME_GROUP)}({_CLAIM}){after.replace(name, _NAME_GROUP)}"


_NAME_GROUP = f"({_NAME})"
_FRAME_PATTERNS = [
    (re.compile(_frame_pattern(frame)), frame.index("{name}") < frame.index("{claim}")) for frame in FRAMES
]


def _said_full(text: str) -> list[tuple[str, str]]:
    head = re.match(re.escape(_PREAMBLE).replace(r"\{count\}", r"\d+").replace(r"\{names\}", r"[^.]+"), text)
    if head is None or not text.endswith(_QUESTION):
        raise ValueError("no puzzle in this wording")
    body, said = text[head.end() : -len(_QUESTION)].strip(), []
    while body:
        found = next(((m, first) for pattern, first in _FRAME_PATTERNS if (m := pattern.match(body))), None)
        if found is None:
            raise ValueError(f"cannot be read from {body[:60]!r}")
        match, name_first = found
        said.append((match[1], match[2]) if name_first else (match[2], match[1]))
        body = body[match.end() :].strip()
    return said


def _said_compact(text: str) -> list[tuple[str, str]]:
    sentences = text.removesuffix("who is a knight ?").strip().removesuffix(".").split(" . ")
    pairs = [sentence.strip().partition(" says ") for sentence in sentences]
    if not all(middle for _, middle, _ in pairs):
        raise ValueError("no puzzle in this wording")
    return [(name, claim) for name, _, claim in pairs]


def _read_full(claim: str, number: dict[str, int]) -> Statement:
    conditional = re.fullmatch(rf"[Ii]f ({_LEAF}), then ({_LEAF})", claim)
    if conditional:
        return ("implies", *(_read_full(part, number) for part in conditional.groups()))
    for word, operator in ((" if and only if ", "iff"), (" and ", "and"), (" or ", "or")):
        if word in claim:
            return (operator, *(_read_full(part, number) for part in claim.split(word)))
    match = re.fullmatch(rf"({_NAME}) is (not )?a (knight|knave)", claim)
    if match is None:
        raise ValueError(f"not a statement: {claim!r}")
    leaf = (match[3], number[match[1]])
    return ("not", leaf) if match[2] else leaf


def _read_compact(claim: str, number: dict[str, int]) -> Statement:
    if claim.startswith("if ") and " then " in claim:
        return ("implies", *(_read_compact(part, number) for part in claim[3:].split(" then ", 1)))
    if claim.startswith("not "):
        return ("not", _read_compact(claim[4:], number))
    for operator in ("iff", "and", "or"):
        if f" {operator} " in claim:
            return (operator, *(_read_compact(part, number) for part in claim.split(f" {operator} ")))
    name, _, verb = claim.strip().partition(" ")
    if verb not in ("lies", "tells truth"):
        raise ValueError(f"not a statement: {claim!r}")
    return (KNAVE if verb == "lies" else KNIGHT, number[name])
