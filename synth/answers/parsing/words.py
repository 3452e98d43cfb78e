"""Words in answers: numbers in words, words that scale a number, words that change it, and words that say nothing."""

import re
from fractions import Fraction

_ONES_WORDS = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
eighteen nineteen
"""
_ONES = _ONES_WORDS.split()
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_NUMBERS = {word: value for value, word in enumerate(_ONES)} | {word: 10 * value for value, word in enumerate(_TENS, 2)}
_GREAT = {"hundred": 10**2, "thousand": 10**3, "lakh": 10**5, "million": 10**6, "crore": 10**7, "billion": 10**9,
          "trillion": 10**12}  # fmt: skip

NUMBER_SCALES: dict[str, Fraction] = (
    {word: Fraction(value) for word, value in _GREAT.items()}
    | {word + "s": Fraction(value) for word, value in _GREAT.items()}
    | {"grand": Fraction(1000), "mn": Fraction(10**6), "mln": Fraction(10**6), "bn": Fraction(10**9),
       "bil": Fraction(10**9), "mil": Fraction(10**6), "tens": Fraction(10), "k": Fraction(1000)}
    | {word: Fraction(1, size) for size, words in {
        2: "half halves", 3: "third thirds", 4: "quarter quarters fourth fourths", 5: "fifth fifths", 6: "sixth sixths",
        7: "seventh sevenths", 8: "eighth eighths", 9: "ninth ninths", 10: "tenth tenths", 12: "twelfth twelfths",
        16: "sixteenth sixteenths", 20: "twentieth twentieths", 100: "hundredth hundredths",
        1000: "thousandth thousandths", 10**6: "millionth millionths"}.items() for word in words.split()}
)  # fmt: skip
"""Words that multiply the number before them: `5 lakh` is 500000, `3 eighths` is 3/8."""

GROUP_SCALES: dict[str, Fraction] = {
    word: Fraction(size)
    for size, words in {2: "pair pairs couple couples", 12: "dozen dozens", 20: "score scores", 144: "gross"}.items()
    for word in words.split()
}
"""Words that count in groups: `5 dozen` is 60 pieces, or 5 where dozens were asked for."""

_CHANGING = """
not no never neither nor cannot can't isn't except but unless if than less fewer below under above beyond between
minus plus times twice thrice double triple doubled tripled halved half squared cubed factorial root square-root log
or either versus vs ratio remainder least most almost nearly over older younger longer shorter taller heavier lighter
faster slower later earlier ago before after negative to until through by mod modulo base power inverse reciprocal
percent percentage hundredfold and pi wrong incorrect false decrease decreases decreased decreasing loss lost debt
owes
"""
CHANGES = frozenset(_CHANGING.split())
"""Words beside a number that may change its value: the number alone is then not the answer."""

HEDGES = re.compile(
    r"^(?:(?:approximately|approx\.?|about|around|roughly|exactly|only|just|simply|nearly|circa|ca\.|some|equal\s+to|"
    r"equals|indeed|therefore|thus|so|that|it\s+is|is|a\s+total\s+of|the\s+total\s+is|in\s+total|precisely|also|a|an|the|"
    r"now|still|would\s+be|given\s+by|clearly|obviously|simplified\s+to|for\s+sure|definitely|probably|answer)"
    r"(?:\s+|(?=[\d$\\])))+|^(?:\\approx|\\sim|≈|~|=)\s*",
    re.IGNORECASE,
)
FILLERS = re.compile(
    r"[\s,]*\b(?:in\s+total|in\s+all|altogether|all\s+together|overall|total|each|apiece|more|left|remaining|as\s+well|"
    r"respectively|exactly|approximately|approx|only|per\s+person|now|too|combined|or\s+so)\s*[.!]*$",
    re.IGNORECASE,
)

CLOSED_PAIRS = (
    ("yes", "no"), ("true", "false"), ("odd", "even"), ("possible", "impossible"), ("prime", "composite"),
    ("rational", "irrational"), ("positive", "negative"), ("increasing", "decreasing"), ("convergent", "divergent"),
    ("converges", "diverges"), ("equal", "unequal"), ("left", "right"), ("heads", "tails"), ("valid", "invalid"),
    ("male", "female"), ("increase", "decrease"), ("more", "less"), ("linear", "nonlinear"), ("finite", "infinite"),
    ("correct", "incorrect"), ("agree", "disagree"),
)  # fmt: skip
"""Pairs of words of which one excludes the other."""

OPPOSITE = {word: opposite for pair in CLOSED_PAIRS for word, opposite in (pair, pair[::-1])}

MONTHS = {name: number for number, names in enumerate(
    ("january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul", "august aug",
     "september sep sept", "october oct", "november nov", "december dec"), 1) for name in names.split()}  # fmt: skip


def number_in_words(text: str) -> Fraction | None:
    """Read `twenty-one`, `minus five` or `two hundred and six`; None for anything else."""
    parts = text.casefold().replace("-", " ").replace(",", " ").split()
    if not parts or len(parts) > 12:
        return None
    sign = 1
    if parts[0] in ("minus", "negative"):
        sign, parts = -1, parts[1:]
    total = current = 0
    read = False
    last = ""
    for index, word in enumerate(parts):
        if word in _NUMBERS:
            value = _NUMBERS[word]
            if read and last not in _GREAT and not (last in _TENS and 0 < value < 10) and last != "and":
                return None
            current += value
            read = True
        elif word in _GREAT and (read or word != "hundred" or index == 0):
            current = max(current, 1) * _GREAT[word]
            if _GREAT[word] >= 1000:
                total, current = total + current, 0
            read = True
        elif not (word == "and" and last in _GREAT and index + 1 < len(parts)):
            return None
        last = word
    return Fraction(sign * (total + current)) if read else None


def noun_stems(text: str) -> frozenset[str]:
    """The words of a phrase in a common form, without those that say nothing, for seeing whether two count the same."""
    written = re.findall(r"[^\W\d_]+", text.casefold())
    return frozenset(_stem(word) for word in written if word not in _EMPTY)


_EMPTY_WORDS = """
the a an of in on at for with from that which is are was were be has have had all each per total left more her his
their its this these those he she they it will can every other and to there here
"""
_EMPTY = frozenset(_EMPTY_WORDS.split())


def _stem(word: str) -> str:
    for suffix, replacement in (("ies", "y"), ("ves", "f"), ("ses", "s"), ("xes", "x"), ("ches", "ch"), ("s", "")):
        if word.endswith(suffix) and len(word) > len(suffix) + 1:
            return word.removesuffix(suffix) + replacement
    return word
