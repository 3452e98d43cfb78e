"""Twenty-two constraints, after the verifiable instructions of IFEval (arXiv:2311.07911, table 1) and Tulu 3's (arXiv:2411.15124).

A word is a run of letters, digits, apostrophes and hyphens; a sentence ends in `.`, `!` or `?` before a space or the end; a
paragraph is what blank lines part.
"""

import json
import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

from synth.problems.instructions.base import Constraint

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_BULLET = re.compile(r"^[ \t]*[-*•][ \t]+\S", re.MULTILINE)
_HEADING = re.compile(r"^#{1,6}[ \t]+\S", re.MULTILINE)
_HIGHLIGHT = re.compile(r"(?<!\*)\*{1,2}(?![\s*])[^*\n]*[^\s*]\*{1,2}(?!\*)")
_PLACEHOLDER = re.compile(r"\[[^\[\]\n]+\]")
_TITLE = re.compile(r"<<[^<>\n]*[^<>\n\s][^<>\n]*>>")
_FENCE = re.compile(r"\A```(?:json)?[ \t]*\n(.*)\n```\Z", re.DOTALL)
_KEYWORDS = (
    "river",
    "lantern",
    "harvest",
    "signal",
    "bridge",
    "copper",
    "winter",
    "garden",
    "compass",
    "engine",
    "market",
    "letter",
)
_ENDINGS = ("Is there anything else?", "That is all.", "Let me know what you think.", "This is where it ends.")
_LETTERS = "aceilnorst"
MOST_CHARACTERS = 200_000
"""Of a response; a longer one keeps no constraint."""


def words(text: str) -> list[str]:
    """Return the words of a text."""
    return _WORD.findall(text)


def sentences(text: str) -> list[str]:
    """Return the sentences of a text."""
    return [part for part in re.split(r"(?<=[.!?])[\"'”’)]*\s+", text.strip()) if _WORD.search(part)]


def paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a text."""
    return [part for part in re.split(r"\n[ \t]*\n", text.strip()) if part.strip()]


def count_word(text: str, word: str) -> int:
    """Return how often a word stands in a text, in whatever case."""
    return sum(one.casefold() == word.casefold() for one in words(text))


def _is_json(text: str) -> bool:
    fenced = _FENCE.match(text.strip())
    try:
        return isinstance(json.loads(fenced[1] if fenced else text), dict | list)
    except (ValueError, RecursionError):
        return False


def _letter_share(text: str, lower: bool) -> bool:
    letters = [letter for letter in text if letter.isalpha() and letter.lower() != letter.upper()]
    return bool(letters) and all(letter.islower() if lower else letter.isupper() for letter in letters)


def _one(rng: random.Random, name: str, choices: Sequence[Any]) -> Mapping[str, Any]:
    return {name: rng.choice(list(choices))}


def _none(rng: random.Random) -> Mapping[str, Any]:
    return {}


def _two_words(rng: random.Random) -> Mapping[str, Any]:
    return {"keywords": sorted(rng.sample(_KEYWORDS, 2))}


_ALL = (
    Constraint(
        "words.at_least", "Write at least {count} words.",
        lambda text, count: len(words(text)) >= count,
        lambda rng: _one(rng, "count", (30, 50, 80, 120, 200)), ({"count": 3}, "one two three", "one two"), "at_least",
    ),
    Constraint(
        "words.at_most", "Write at most {count} words.",
        lambda text, count: 0 < len(words(text)) <= count,
        lambda rng: _one(rng, "count", (40, 60, 100, 150, 250)), ({"count": 2}, "one two", "one two three"), "at_most",
    ),
    Constraint(
        "sentences.exactly", "Write exactly {count} sentences.",
        lambda text, count: len(sentences(text)) == count,
        lambda rng: _one(rng, "count", range(2, 9)), ({"count": 2}, "It is so. Is it?", "It is so."), "length",
    ),
    Constraint(
        "paragraphs.exactly", "Write exactly {count} paragraphs, with a blank line between them.",
        lambda text, count: len(paragraphs(text)) == count,
        lambda rng: _one(rng, "count", range(2, 6)), ({"count": 2}, "One.\n\nTwo.", "One.\nTwo."), "layout",
    ),
    Constraint(
        "lines.exactly", "Write exactly {count} lines, none of them empty.",
        lambda text, count: text.strip().count("\n") == count - 1 and all(line.strip() for line in text.strip().split("\n")),
        lambda rng: _one(rng, "count", range(2, 9)), ({"count": 2}, "One\nTwo", "One\n\nTwo"), "layout",
    ),
    Constraint(
        "keywords.include", "Use each of these words: {keywords}.",
        lambda text, keywords: all(count_word(text, word) for word in keywords),
        _two_words, ({"keywords": ["river", "bridge"]}, "The River has a bridge.", "Rivers have a bridge."), "include",
    ),
    Constraint(
        "keywords.exclude", "Do not use any of these words: {keywords}.",
        lambda text, keywords: bool(words(text)) and not any(count_word(text, word) for word in keywords),
        _two_words, ({"keywords": ["river"]}, "The rivers run.", "The River runs."), "include",
    ),
    Constraint(
        "keywords.frequency", 'Use the word "{keyword}" exactly {count} times.',
        lambda text, keyword, count: count_word(text, keyword) == count,
        lambda rng: {"keyword": rng.choice(_KEYWORDS), "count": rng.randint(2, 5)},
        ({"keyword": "signal", "count": 2}, "Signal or signal?", "A signal."), "include",
    ),
    Constraint(
        "letters.frequency", 'Let the letter "{letter}" occur at least {count} times.',
        lambda text, letter, count: text.casefold().count(letter) >= count,
        lambda rng: {"letter": rng.choice(_LETTERS), "count": rng.randint(10, 40)},
        ({"letter": "o", "count": 2}, "Oh no.", "No."), "letters",
    ),
    Constraint(
        "letters.exclude", 'Do not use the letter "{letter}" at all.',
        lambda text, letter: bool(words(text)) and letter not in text.casefold(),
        lambda rng: _one(rng, "letter", "jqxzkv"), ({"letter": "z"}, "A lion.", "A zebra."), "letters",
    ),
    Constraint(
        "case.lower", "Write in lower case only, without a capital letter.",
        lambda text: _letter_share(text, lower=True), _none, ({}, "all of it is low: 5.", "All of it."), "case",
    ),
    Constraint(
        "case.upper", "Write in capital letters only.",
        lambda text: _letter_share(text, lower=False), _none, ({}, "ALL OF IT: 5.", "All of it."), "case",
    ),
    Constraint(
        "case.capital_words", "Write at least {count} words in capital letters only, each of two letters or more.",
        lambda text, count: sum(word.isupper() and len(word) > 1 for word in words(text)) >= count,
        lambda rng: _one(rng, "count", range(2, 6)), ({"count": 1}, "It is VERY odd.", "I am."), "case",
    ),
    Constraint(
        "punctuation.no_commas", "Do not use any comma.",
        lambda text: bool(words(text)) and not set(",，、،") & set(text), _none, ({}, "Red and blue.", "Red, blue."), "commas",
    ),
    Constraint(
        "format.bullets", "Write exactly {count} bullet points, each on a line that begins with `- `.",
        lambda text, count: len(_BULLET.findall(text)) == count,
        lambda rng: _one(rng, "count", range(2, 7)), ({"count": 2}, "- one\n- two", "- one\ntwo"), "layout",
    ),
    Constraint(
        "format.headings", "Write exactly {count} Markdown headings.",
        lambda text, count: len(_HEADING.findall(text)) == count,
        lambda rng: _one(rng, "count", range(2, 5)), ({"count": 1}, "# One\ntext", "text"), "layout",
    ),
    Constraint(
        "format.highlights", "Highlight at least {count} parts of the text with asterisks, like *this*.",
        lambda text, count: len(_HIGHLIGHT.findall(text)) >= count,
        lambda rng: _one(rng, "count", range(1, 5)), ({"count": 1}, "This is *so*.", "2 * 3 * 4"), "highlights",
    ),
    Constraint(
        "format.placeholders", "Use at least {count} placeholders in square brackets, like [address].",
        lambda text, count: len(_PLACEHOLDER.findall(text)) >= count,
        lambda rng: _one(rng, "count", range(1, 5)), ({"count": 1}, "Dear [name],", "Dear name []"), "placeholders",
    ),
    Constraint(
        "format.title", "Give it a title in double angle brackets, like <<title>>.",
        lambda text: _TITLE.search(text) is not None, _none, ({}, "<<A day>>\nIt rains.", "<< >> It rains."), "title",
    ),
    Constraint(
        "format.json", "Answer with one JSON object or list and nothing else; a Markdown block around it is allowed.",
        _is_json, _none, ({}, '{"a": 1}', "a: 1"), "layout",
    ),
    Constraint(
        "start.quotation", "Put the whole response in double quotation marks.",
        lambda text: len(text.strip()) > 2 and text.strip()[0] == '"' == text.strip()[-1], _none,
        ({}, '"It is so."', '"It" is so.'), "frame",
    ),
    Constraint(
        "end.phrase", 'End with exactly this sentence: "{phrase}"',
        lambda text, phrase: text.strip().endswith(phrase),
        lambda rng: _one(rng, "phrase", _ENDINGS), ({"phrase": "That is all."}, "So. That is all.", "That is all. So."), "frame",
    ),
)  # fmt: skip
CONSTRAINTS: dict[str, Constraint] = {constraint.name: constraint for constraint in _ALL}


def kept(name: str, values: Mapping[str, Any], text: str) -> bool:
    """Whether a response keeps a constraint. Never raises on model text."""
    return len(text) <= MOST_CHARACTERS and bool(CONSTRAINTS[name].check(text, **values))


def compatible(names: Sequence[str]) -> bool:
    """Whether these constraints can be kept together, as far as their groups tell."""
    groups = [CONSTRAINTS[name].conflicts for name in names]
    apart = {"format.json": {"frame", "length", "title", "highlights", "case", "commas"}, "case.lower": {"include", "frame"},
             "case.upper": {"include", "frame"}}  # fmt: skip
    return len(set(groups)) == len(groups) and not any(
        apart.get(name, set()) & {CONSTRAINTS[other].conflicts for other in names if other != name} for name in names
    )
