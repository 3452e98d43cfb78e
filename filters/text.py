"""One normal form of text for every filter: cleaning, folding, tokens, sentences, n-grams, masked numbers.

Numbers stay tokens of their own. Normalisers that fold them away (datatrove's default does) make `3x+5=20` and
`7x-2=12` the same text, which in mathematics they are not.
"""

import re
import unicodedata
from collections.abc import Sequence

MASK = "#"
"""What stands for any number in a masked text."""

SIGNS = str.maketrans({"−": "-", "–": "-", "×": "*", "÷": "/", "∗": "*", "⋅": "*", "’": "'", "‘": "'", "ʼ": "'"})
"""Signs that compatibility normalisation leaves alone but that people use for the same thing."""

INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\u2064\ufeff"))
"""Characters without width: soft hyphen, zero-width space and joiners, marks of direction. A reader does not see them."""


class _Same(dict[int, int | str | None]):
    """What a character counts as; also gives the decimal digits of every script in ASCII."""

    def __missing__(self, code: int) -> int | str:
        digit = unicodedata.decimal(chr(code), None)
        self[code] = value = code if digit is None else str(digit)
        return value


SAME = _Same(SIGNS | INVISIBLE)

_SENTENCE_END = re.compile(r"(?<=[.?!。])[\"')\]]*\s+|\n+")
_TOKEN = re.compile(
    r"\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?"  # 1,250.50
    r"|\d+(?:\.\d+)?|\.\d+"  # 12, 12.5, .5
    r"|[\u3040-\u30ff\u3400-\u9fff]"  # scripts without spaces: one token per character
    r"|[^\W\d_]+(?:'[^\W\d_]+)*"  # words, also with an apostrophe inside
    r"|[+/=<>^%]|(?<!\*)\*(?!\*)"  # operators, but not the ** of bold type
    r"|(?<![^\W\d_])-|-(?![^\W\d_])"  # minus, but not a hyphen between letters
)
_WHOLE = re.compile(r"(?<=\d)\.0+$")
NUMBER_WORDS = frozenset(
    """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion dozen
    first second third fourth fifth sixth seventh eighth ninth tenth half halves thirds quarter quarters fourths
    fifths tenths once twice thrice double triple quadruple
    """.split()  # noqa: SIM905 - a column of words reads better
)
"""Words that are numbers."""

CARDINALS = {
    word: str(number)
    for number, word in enumerate(
        """
        zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
        eighteen nineteen twenty
        """.split()  # noqa: SIM905 - a column of words reads better
    )
}
"""The words for 0 to 20, and the same in digits."""


def clean(text: str) -> str:
    """Return text that can be encoded: a lone surrogate becomes U+FFFD, everything else stays."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def fold(text: str) -> str:
    """Return the mild normal form: compatibility characters (NFKC), digits, case and white space folded, the invisible left out.

    All else is kept.
    """
    folded = text if text.isascii() else unicodedata.normalize("NFKC", clean(text)).translate(SAME)
    folded = folded.casefold()
    if not folded.isascii():
        folded = unicodedata.normalize("NFKC", folded)
    return " ".join(folded.split())


def _tokens_of_folded(text: str) -> list[str]:
    matches = _TOKEN.findall(text)
    return [
        (_WHOLE.sub("", token.replace(",", "")) if token[0].isdigit() or token[0] == "." else token.replace("'", ""))
        for token in matches
    ]


def tokens(text: str) -> list[str]:
    """Cut text into words, numbers and mathematical operators; other punctuation is dropped.

    `1,250.0` is the token `1250`. A text without any word or number gives no token.
    """
    return _tokens_of_folded(fold(text))


def sentences(text: str) -> list[list[str]]:
    """Cut text into sentences (and lines), each as its tokens; empty ones are left out."""
    return [sentence for part in _SENTENCE_END.split(text) if (sentence := tokens(part))]


def normal(text: str) -> str:
    """Return the strong normal form: the tokens in one line, or the mild form of a text that has none."""
    folded = fold(text)
    return " ".join(_tokens_of_folded(folded)) or folded


def is_number(token: str) -> bool:
    """Whether a token is a number, in digits or as a word (`twelve`, `half`, `twice`)."""
    return token[0].isdigit() or token[0] == "." or token in NUMBER_WORDS


def in_digits(items: Sequence[str]) -> list[str]:
    """Return tokens with the words for 0 to 20 in digits, so that `three ducks` is `3 ducks`."""
    return [CARDINALS.get(token, token) for token in items]


def masked(items: Sequence[str]) -> list[str]:
    """Return tokens with every number replaced by `MASK`."""
    return [MASK if is_number(token) else token for token in items]


def ngrams(items: Sequence[str], n: int) -> list[str]:
    """Return the runs of `n` tokens, each as one text, in order; none when there are fewer than `n` tokens."""
    return [" ".join(items[start : start + n]) for start in range(len(items) - n + 1)]
