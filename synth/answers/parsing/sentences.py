"""A number inside a sentence: `Ann has 5 apples left`."""

import re
from dataclasses import replace

from synth.answers.parsing.forms import Quantity
from synth.answers.parsing.quantities import read_quantity
from synth.answers.parsing.words import CHANGES, GROUP_SCALES, NUMBER_SCALES

_ONE_NUMBER = re.compile(r"(?<![\w.,])[-+]?[$€£\ue000]?\s?\d[\d,]*(?:\.\d+)?(?![\w,.]*\d)")
_HARMLESS_WORDS = """
second quarter ago loss lost until before after false older younger longer and of if k
"""
_NUMBERING = {"step", "part", "case"}
_CHANGING = (CHANGES | set(NUMBER_SCALES) | set(GROUP_SCALES)) - set(_HARMLESS_WORDS.split()) | _NUMBERING


def number_in_sentence(text: str) -> Quantity | None:
    """Read the one number of a short sentence; None where a word near it may change its value."""
    numbers = _ONE_NUMBER.findall(text)
    if len(numbers) != 1 or len(re.findall(r"\d+", text.replace(",", "").replace(".", ""))) != 1 or len(text) > 200:
        return None
    start = text.index(numbers[0])
    before, after = text[:start], text[start + len(numbers[0]) :]
    if re.search(r"[\\^_=<>*+/{}:!]", before + after) or re.match(r"\s*(?:st|nd|rd|th)\b", after):
        return None
    neighbours = {word.casefold() for word in re.findall(r"[^\W\d_]+(?:'[a-z]+)?", before + " " + after)}
    if not neighbours or neighbours & _CHANGING:
        return None
    if re.search(r"[-+(\[.]\s*$", before) or (re.match(r"[)\]_]", after) and before.count("(") != after.count(")")):
        return None
    quantity = read_quantity(numbers[0].strip() + (after.split(",")[0] if after.strip() else ""))
    if quantity is None:
        quantity = read_quantity(numbers[0].strip())
    if quantity is None:
        return None
    return replace(quantity, text=text, prose=True)
