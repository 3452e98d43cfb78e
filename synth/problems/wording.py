"""The wording of a question, reduced to what two spellings of one question share."""

import re
import unicodedata

_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_SAME_SIGN = str.maketrans({"−": "-", "–": "-", "×": "*", "∗": "*", "⋅": "*", "·": "*", "÷": "/", "⁄": "/", "∶": ":"})
"""Signs that are written for the same thing and that compatibility normalisation leaves alone."""
_RAISED = re.compile("[⁰¹²³⁴-⁹⁺⁻ⁿ]+")
_VULGAR_FRACTION = re.compile("(?<=\\d)(?=[¼-¾⅐-⅞])")
_MINUS = re.compile(r"(?:(?<=[\d)\]|])|(?<=\b[a-z])) *- *(?=[\d(\[|]|[a-z]\b)")
"""A minus between two operands: numbers, brackets, single letters."""
_GROUP = re.compile(r"([(\[{])([^()\[\]{}]*)([)\]}])")
_OPERAND_OF_BEFORE = re.compile(r"(?:[*/+^√|-] ?|\d|\b[a-z])$")
_OPERAND_OF_AFTER = re.compile(r" ?[*/+^!|-]")
_WORD = re.compile(r"[^\W\d_]{2}")
_NOT_A_WORD = re.compile(
    r"[^\w.%$/+*=<>^|!'()\[\]{}\u00ac\u00b1\u2190-\u22ff-]+"  # the last range: arrows and mathematical operators
    r"|(?<!\d)[.]|[.](?!\d)"  # a full stop, not a decimal point
    r"|(?<![\d)\]|])-(?![\d(\[|])"  # a hyphen, not a minus
    r"|(?<![\d)\]])!|!(?=\w)"  # an exclamation, not a factorial
    r"|(?<!\b[a-z])'|'(?=\w)"  # an apostrophe, not a derivative
)


def canonical_question(text: str) -> str:
    """The wording of a question with all that its value may hang on: numbers, operators, relations, brackets of expressions.

    NFKC, lower case, single spaces; punctuation goes, and so do brackets around words. `2²` is `2^2` and not `22`, `12 × 4`
    is not `12 ÷ 4`, `5!` not `5`, `|-3|` not `(-3)`. Questions that differ in a sign alone are different ones.
    """
    text = _RAISED.sub(lambda raised: f"^{unicodedata.normalize('NFKC', raised[0])}", text)
    text = unicodedata.normalize("NFKC", _VULGAR_FRACTION.sub(" ", text)).translate(_SAME_SIGN).casefold()
    text = _GROUP.sub(_group, _THOUSANDS.sub("", text))
    return " ".join(_NOT_A_WORD.sub(" ", _MINUS.sub("−", text)).split()).replace("−", "-")


def _group(group: re.Match[str]) -> str:
    """A bracket as it stands in an expression, around a set or an interval; its inside alone elsewhere."""
    opening, inside, closing = group.groups()
    text = group.string
    operand = _OPERAND_OF_BEFORE.search(text, max(0, group.start() - 3), group.start())
    round_ = (opening, closing) == ("(", ")")
    if _WORD.search(inside) or (round_ and not operand and not _OPERAND_OF_AFTER.match(text, group.end())):
        return f" {inside} "
    return f"{opening}{inside}{closing}"
