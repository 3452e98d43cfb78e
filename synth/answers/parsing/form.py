"""How a text is read as one of the types of answers.

answer   := list | relation | choice | clock | date | value
list     := value ("," | ";" | "and" | "or") value ...
value    := set | tuple | interval | union | matrix | ratio | based number | quantity | words
quantity := expression [unit]
"""

import re
from functools import lru_cache

from synth.answers.algebra.expression import whole_expression
from synth.answers.parsing.compound import read_compound
from synth.answers.parsing.forms import Form, Quantity, Reader, Sequence, Words
from synth.answers.parsing.layouts import read_layout
from synth.answers.parsing.lists import read_bracketed, read_list, read_union
from synth.answers.parsing.quantities import plus_minus, quantity_of_number, read_quantity
from synth.answers.parsing.relations import WORD_NAME, read_relation
from synth.answers.parsing.sentences import number_in_sentence
from synth.answers.parsing.typography import MAX_ANSWER, tidy
from synth.answers.parsing.words import CHANGES

MAX_DEPTH = 6

_RATIO = re.compile(r"(\S[^:]*?)\s*:\s*([^:]+?)(?:\s*:\s*([^:]+))?")
_RATIO_TO = re.compile(r"(\d+(?:\.\d+)?)\s+to\s+(\d+(?:\.\d+)?)")
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
    if depth > MAX_DEPTH:
        return Words(text)

    def read(part: str) -> Form:
        return _form(tidy(part), depth + 1)

    compound = read_compound(text)
    if compound is not None:
        return compound
    for reader in (read_layout, read_list, read_relation, read_union, read_bracketed):
        form = reader(text, read)
        if form is not None:
            return form
    quantity = read_quantity(text)
    if quantity is not None:
        return plus_minus(quantity) or quantity
    return _ratio(text, read) or number_in_sentence(text) or Words(text)


def _ratio(text: str, read: Reader) -> Form | None:
    """Read `2 : 3` and `2 to 3`; `Label: value` is its value."""
    ratio = _RATIO.fullmatch(text) or _RATIO_TO.fullmatch(text)
    if ratio is None:
        return None
    trees = [whole_expression(tidy(part)) for part in ratio.groups() if part is not None]
    if all(tree is not None for tree in trees):
        return Sequence("ratio", tuple(Quantity(tree, "") for tree in trees if tree is not None), text)
    label, _, value = text.partition(":")
    if value.strip() and label[:1].isupper() and WORD_NAME.fullmatch(label.strip()):
        return read(value)
    return None
