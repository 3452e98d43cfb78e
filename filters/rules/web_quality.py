"""The heuristics that web corpora are cleaned with, as an option: they delete formulas and short solutions.

Published defaults as datatrove 0.10.1 has them: Gopher quality and repetition (arXiv:2112.11446, appendix A), FineWeb
(arXiv:2406.17557, section 3.6). Meant for CPT text from elsewhere; reasoning traces have `repetition`, `length`,
`structure` and `language`. Not covered: C4's line rules, which rewrite a text instead of judging it.
"""

from collections import Counter
from collections.abc import Sequence

from pydantic import Field

from filters.base import PASS, Context, Finding, Options, fail, row_filter
from filters.rows import Row

_STOP_WORDS = frozenset({"the", "be", "to", "of", "and", "that", "have", "with"})
_BULLETS = ("•", "‣", "▶", "◀", "◦", "■", "□", "▪", "▫", "–", "-", "*")
_ENDS = (".", "!", "?", '"', "'", "。", ":", "”")
_TOP_GRAMS = ((2, 0.20), (3, 0.18), (4, 0.16))
_REPEATED_GRAMS = ((5, 0.15), (6, 0.14), (7, 0.13), (8, 0.12), (9, 0.11), (10, 0.10))


class WebQualityOptions(Options):
    """Options of `web_quality`."""

    enabled: bool = Field(default=False, description="Whether the rules are applied at all.")
    kinds: frozenset[str] = Field(default=frozenset({"text"}), description="Kinds of rows that they are applied to.")
    fewest_words: int = Field(default=50, ge=0, description="Gopher: fewest words.")
    most_words: int = Field(default=100_000, ge=1, description="Gopher: most words.")


@row_filter("web_quality", version="1", options=WebQualityOptions)
def web_quality(row: Row, context: Context, options: WebQualityOptions) -> Finding:
    """The text passes the web heuristics, where they are asked for."""
    if not options.enabled or row.kind not in options.kinds:
        return PASS
    text = row.text or row.learned
    words, lines = text.split(), [line.strip() for line in text.splitlines() if line.strip()]
    if not options.fewest_words <= len(words) <= options.most_words:
        return fail("words", words=len(words))
    return _gopher(text, words, lines) or _repeated(words, lines) or _fineweb(text, words, lines) or PASS


def _gopher(text: str, words: Sequence[str], lines: Sequence[str]) -> Finding | None:
    shares = {
        "word_length": not 3 <= sum(map(len, words)) / len(words) <= 10,
        "hashes": text.count("#") / len(words) > 0.1,
        "ellipses": (text.count("...") + text.count("…")) / len(words) > 0.1,
        "bullets": sum(line.startswith(_BULLETS) for line in lines) / len(lines) > 0.9,
        "lines_end_in_ellipsis": sum(line.endswith(("...", "…")) for line in lines) / len(lines) > 0.3,
        "letters": sum(any(map(str.isalpha, word)) for word in words) / len(words) < 0.8,
        "stop_words": len(_STOP_WORDS & {word.lower().strip(".,;:!?") for word in words}) < 2,
    }
    return next((fail(name) for name, bad in shares.items() if bad), None)


def _repeated(words: Sequence[str], lines: Sequence[str]) -> Finding | None:
    times = Counter(lines)
    twice = sum(count - 1 for count in times.values())
    size = sum(map(len, words)) or 1
    if twice / len(lines) > 0.3:
        return fail("duplicate_lines")
    if sum((count - 1) * len(line) for line, count in times.items()) / size > 0.2:
        return fail("duplicate_line_characters")
    for n, limit in _TOP_GRAMS:
        grams = Counter(tuple(words[at : at + n]) for at in range(len(words) - n + 1))
        gram, count = max(grams.items(), key=lambda item: item[1], default=((), 0))
        if count > 1 and count * sum(map(len, gram)) / size > limit:
            return fail("top_ngram", n=n)
    for n, limit in _REPEATED_GRAMS:
        seen: set[tuple[str, ...]] = set()
        repeated, at = 0, 0
        while at <= len(words) - n:
            gram = tuple(words[at : at + n])
            if gram in seen:
                repeated += sum(map(len, gram))
                at += n
            else:
                seen.add(gram)
                at += 1
        if repeated / size > limit:
            return fail("repeated_ngrams", n=n)
    return None


def _fineweb(text: str, words: Sequence[str], lines: Sequence[str]) -> Finding | None:
    if sum(line.endswith(_ENDS) for line in lines) / len(lines) < 0.12:
        return fail("lines_without_punctuation")
    if sum(len(line) <= 30 for line in lines) / len(lines) > 0.67:
        return fail("short_lines")
    times = Counter(lines)
    twice = sum((count - 1) * len(line) for line, count in times.items())
    if twice / sum(map(len, lines)) > 0.01:
        return fail("duplicate_line_characters")
    return fail("newlines") if text.count("\n") / len(words) > 0.3 else None
