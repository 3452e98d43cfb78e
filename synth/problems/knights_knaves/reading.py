"""Read a puzzle back from its text: our wordings, and those of mem-kk-logic and Logic-RL.

Nothing is known of the frames ("Ann said that ...") but that each sentence holds one claim and, outside it, one name.
"""

import re
from collections.abc import Mapping, Sequence

from synth.problems.knights_knaves.statements import KNAVE, KNIGHT, Puzzle, Statement
from synth.problems.knights_knaves.text import COMPACT_QUESTION
from synth.problems.knights_knaves.words import Words

_NAME = r"[^\W\d_]+"
_LEAF = rf"{_NAME} is (?:not )?an? [a-z]+"
_CLAIM = re.compile(rf"[Ii]f {_LEAF},? then {_LEAF}|{_LEAF}(?: (?:and|or|if and only if) {_LEAF})*")
_IF = re.compile(rf"[Ii]f ({_LEAF}),? then ({_LEAF})")
_IS = re.compile(rf"({_NAME}) is (not )?an? ([a-z]+)")
_MEET = re.compile(r"You meet \d+ [a-z]+(?: there)?: ([^.:]+)\.")
_QUESTION = re.compile(r"(?:\bSo )?\b[Ww]ho is an? ([a-z]+) and who is an? ([a-z]+)\?")
_TRUTH = re.compile(r"[Ww]hat an? ([a-z]+) says is always true|\b([A-Za-z]+) always tell the truth")
_SENTENCE_END = re.compile(r"\.[\"”]?(?:\s+|$)")


def read(text: str) -> tuple[Puzzle, list[str]]:
    """Read a puzzle with its people's names.

    Raises:
        ValueError: The text is not such a puzzle.
    """
    if text.endswith(COMPACT_QUESTION):
        return _read_compact_puzzle(text)
    names, role_names = _names(text), read_words(text)
    number = {name: index for index, name in enumerate(names)}
    statements: dict[int, Statement] = {}
    for sentence in _sentences(text):
        speaker, claim = _speaker(sentence, number)
        if speaker in statements:
            raise ValueError(f"{names[speaker]} says more than one thing")
        statements[speaker] = _read_full(claim, number, role_names)
    if len(statements) != len(names):
        raise ValueError("not one statement per person")
    return tuple(statements[person] for person in range(len(names))), names


def read_words(text: str) -> Words:
    """Read which word stands for those who tell the truth and which for those who lie.

    Raises:
        ValueError: The text does not say it.
    """
    asked, truth = _QUESTION.search(text), _TRUTH.search(text)
    if asked is None or truth is None:
        raise ValueError("no puzzle in a known wording")
    truthful = (truth[1] or truth[2]).lower()
    first, second = asked.groups()
    if not truthful.startswith((first, second)):
        raise ValueError(f"who always tells the truth: {first} or {second}?")
    return Words(first, second) if truthful.startswith(first) else Words(second, first)


def _names(text: str) -> list[str]:
    listed = _MEET.search(text)
    if listed is None:
        raise ValueError("no puzzle in a known wording")
    names = [name for name in re.split(r",? and |, ", listed[1]) if name]
    if len(set(names)) != len(names):
        raise ValueError("two people have one name")
    return names


def _sentences(text: str) -> list[str]:
    start, end = _MEET.search(text), _QUESTION.search(text)
    if start is None or end is None:
        raise ValueError("no puzzle in a known wording")
    return [part for part in _SENTENCE_END.split(text[start.end() : end.start()].strip()) if part.strip('" ')]


def _speaker(sentence: str, number: Mapping[str, int]) -> tuple[int, str]:
    """Who speaks in a sentence, and what is claimed."""
    claim = _CLAIM.search(sentence)
    if claim is None:
        raise ValueError(f"no statement in {sentence!r}")
    frame = re.findall(_NAME, sentence[: claim.start()] + " " + sentence[claim.end() :])
    speakers = [number[word] for word in frame if word in number]
    if len(speakers) != 1:
        raise ValueError(f"not one speaker in {sentence!r}")
    return speakers[0], claim[0]


def _read_full(claim: str, number: Mapping[str, int], role_names: Words) -> Statement:
    conditional = _IF.fullmatch(claim)
    if conditional:
        return ("implies", *(_read_full(part, number, role_names) for part in conditional.groups()))
    for word, operator in ((" if and only if ", "iff"), (" and ", "and"), (" or ", "or")):
        if word in claim:
            return (operator, *(_read_full(part, number, role_names) for part in claim.split(word)))
    match = _IS.fullmatch(claim)
    if match is None or match[3] not in (role_names.truthful, role_names.lying):
        raise ValueError(f"not a statement: {claim!r}")
    leaf = (KNIGHT if match[3] == role_names.truthful else KNAVE, _person(match[1], number))
    return ("not", leaf) if match[2] else leaf


def _person(name: str, number: Mapping[str, int]) -> int:
    if name not in number:
        raise ValueError(f"{name!r} is spoken of but says nothing")
    return number[name]


def _read_compact_puzzle(text: str) -> tuple[Puzzle, list[str]]:
    sentences = text.removesuffix(COMPACT_QUESTION).strip().removesuffix(".").split(" . ")
    pairs = [sentence.strip().partition(" says ") for sentence in sentences]
    names = [name for name, _, _ in pairs]
    if not all(middle for _, middle, _ in pairs) or len(set(names)) != len(names):
        raise ValueError("not one statement per person")
    number = {name: index for index, name in enumerate(names)}
    return tuple(_read_compact(claim, number) for _, _, claim in pairs), names


def _read_compact(claim: str, number: Mapping[str, int]) -> Statement:
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
    return (KNAVE if verb == "lies" else KNIGHT, _person(name, number))


def spoken_order(text: str, names: Sequence[str]) -> list[int]:
    """The order in which people speak in a puzzle of the full wording."""
    number = {name: index for index, name in enumerate(names)}
    return [_speaker(sentence, number)[0] for sentence in _sentences(text)]
