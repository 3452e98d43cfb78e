import random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.duplicates.tokenised import MARKS, chunks, tokenise, tokenise_array
from filters.text import clean, fold, tokens

pytest.importorskip("numba")

_PIECES = (
    "a b c ' ’ , . 1 2 3 0 000 ,234 * ** - + / = < > % é É ß ½ ① 漢 ・ ー か が ﬁ ＡＢ １２ ﷺ … − – × ÷ ⋅ µ Ω Å \n \t _ # $ ( ) "
    "<<3+4=7>> << >> 🎉 ́ ٣ ² x- -x '' İ ẖ Ⅷ ℃ 한글 ᄀ ፩"
)
PIECES = [*_PIECES.split(" "), *" " * 10]


def expected(text, *, drop_marks=False):
    text = MARKS.sub("", clean(text)) if drop_marks else text
    return tokens(text) or ([fold(text)] if fold(text) else [])


def check(texts, *, drop_marks=False):
    tokenised = tokenise(texts, drop_marks=drop_marks)
    for index, text in enumerate(texts):
        assert tokenised.of(index) == expected(text, drop_marks=drop_marks), repr(text)


def test_every_character():
    check([f"a{chr(code)}b {chr(code)}1" for code in range(0x11000) if not 0xD800 <= code < 0xE000])


@pytest.mark.parametrize("drop_marks", [False, True])
def test_pieces_in_any_order(drop_marks):
    rng = random.Random(0)
    texts = ["".join(rng.choice(PIECES) for _ in range(rng.randrange(14))) for _ in range(5_000)]
    check(texts, drop_marks=drop_marks)
    check([text.encode("ascii", "ignore").decode() for text in texts], drop_marks=drop_marks)


def test_words_of_every_length_before_every_character():
    """Words are read eight bytes at a time."""
    words = ["AbcdefghijklmnopqrstuvwxyZ"[-size:] for size in range(1, 27)]
    for code in (*range(128), 0xE9, 0x4E00):
        check([ahead + word + chr(code) + behind for word in words for ahead in ("", "b ") for behind in ("", "zz 1")])


@settings(deadline=None, max_examples=200)
@given(st.lists(st.text(alphabet=st.characters(exclude_categories=()), max_size=40), max_size=6))
def test_any_text(texts):
    check(texts)


def test_parts_of_an_arrow_array():
    array = pa.array(["one", "Two 2", "", "!?", "drei"], pa.large_string())
    tokenised = tokenise_array(array.slice(1, 3))
    assert [tokenised.of(index) for index in range(3)] == [["two", "2"], [], ["!?"]]


def test_chunks_hold_every_text_once():
    import numpy as np

    sizes = np.array([5, 0, 1 << 21, 3, 1 << 20, 1, 0], np.int64)
    bounds = list(chunks(sizes))
    assert [index for start, stop in bounds for index in range(start, stop)] == list(range(len(sizes)))
    assert list(chunks(sizes[:0])) == []
