"""Puzzles as text: a `full` wording in English, and a `compact` one of few words for tiny models."""

import random
from collections.abc import Sequence
from typing import Literal

from synth.problems.knights_knaves.statements import KNAVE, KNIGHT, Puzzle, Statement
from synth.problems.knights_knaves.words import KNIGHTS, NAMES, Words

__all__ = ["COMPACT_NAMES", "FRAMES", "NAMES", "Style", "answer_text", "claim_text", "full_claim", "role_word", "write"]

Style = Literal["full", "compact"]

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
COMPACT_QUESTION = "who is a knight ?"

_PREAMBLE = (
    "On a remote island everyone is either {a_truthful} or {a_lying}. What {a_truthful} says is always true, and what "
    "{a_lying} says is always false. You meet {count} people there: {names}."
)
_QUESTION = "Who is {a_truthful} and who is {a_lying}?"


def write(
    puzzle: Puzzle,
    names: Sequence[str],
    style: Style,
    rng: random.Random,
    role_names: Words = KNIGHTS,
    order: Sequence[int] | None = None,
) -> str:
    """Write a puzzle as a question.

    Args:
        puzzle: What everyone says.
        names: Who they are.
        style: Wording.
        rng: Chooses the frames of the full wording.
        role_names: Words for the roles (full wording only).
        order: In which order people speak; None is the order of their names.
    """
    people = range(len(puzzle)) if order is None else order
    if style == "compact":
        sentences = [f"{names[person]} says {compact_claim(puzzle[person], names)} ." for person in people]
        return " ".join([*sentences, COMPACT_QUESTION])
    sentences = []
    for person in people:
        frame = FRAMES[int(rng.random() * len(FRAMES))]
        text = full_claim(puzzle[person], names, role_names)
        sentences.append(
            frame.format(name=names[person], claim=text[0].upper() + text[1:] if '"{claim}' in frame else text)
        )
    roles = {"a_truthful": role_names.a(True), "a_lying": role_names.a(False)}
    preamble = _PREAMBLE.format(count=len(names), names=_listed(names), **roles)
    return " ".join([preamble, *sentences, _QUESTION.format(**roles)])


def answer_text(roles: Sequence[bool], names: Sequence[str], role_names: Words = KNIGHTS) -> str:
    """An assignment as the answer is written: `Ann is a knight, Ben is a knave`."""
    a_truthful, a_lying = role_names.a(True), role_names.a(False)
    return ", ".join(
        f"{name} is {a_truthful if knight else a_lying}" for name, knight in zip(names, roles, strict=True)
    )


def role_word(knight: bool) -> str:
    """`knight` or `knave`."""
    return KNIGHT if knight else KNAVE


def claim_text(statement: Statement, names: Sequence[str], style: Style, role_names: Words = KNIGHTS) -> str:
    """A statement in the wording of a style."""
    return compact_claim(statement, names) if style == "compact" else full_claim(statement, names, role_names)


def full_claim(statement: Statement, names: Sequence[str], role_names: Words = KNIGHTS) -> str:
    """A statement in English. Like the published generator, only for statements of depth two."""
    operator, *parts = statement
    if operator in (KNIGHT, KNAVE):
        return f"{names[parts[0]]} is {role_names.a(operator == KNIGHT)}"
    if operator == "not":
        return f"{names[parts[0][1]]} is not {role_names.a(parts[0][0] == KNIGHT)}"
    texts = [full_claim(part, names, role_names) for part in parts]
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
