import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.text import clean, fold, is_number, masked, ngrams, normal, sentences, tokens

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()), max_size=80)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ann has 1,250.50 coins.", "ann has 1250.50 coins"),
        ("It costs $5.00, or 10%!", "it costs 5 or 10 %"),
        ("3 × 4 ÷ 2 − 1 = 5", "3 * 4 / 2 - 1 = 5"),
        ("a well-known twenty-five", "a well known twenty five"),
        ("Janet’s ducks don't", "janets ducks dont"),
        ("**48** cookies", "48 cookies"),
        ("1,2,3", "1 2 3"),
        ("ＡＢＣ ①", "abc 1"),
        ("五只鸭子", "五 只 鸭 子"),
        (".5 of it", ".5 of it"),
    ],
)
def test_tokens(text, expected):
    assert " ".join(tokens(text)) == expected


def test_numbers_are_kept_apart():
    assert normal("3x + 5 = 20") != normal("7x - 2 = 12")


def test_a_text_without_words_is_not_every_text_without_words():
    assert normal("!!!") != normal("???")


def test_masked_numbers():
    masked_tokens = masked(tokens("Three ducks lay 16 eggs, half of them today"))
    assert " ".join(masked_tokens) == "# ducks lay # eggs # of them today"
    assert not is_number("ducks")


def test_sentences():
    assert sentences("It costs 3.50 here. So what?\nNothing!") == [
        ["it", "costs", "3.50", "here"],
        ["so", "what"],
        ["nothing"],
    ]


def test_ngrams():
    assert ngrams(["a", "b", "c"], 2) == ["a b", "b c"]
    assert ngrams(["a"], 2) == []


@given(ANY_TEXT)
def test_anything_can_be_read(text):
    clean(text).encode()
    assert fold(fold(text)) == fold(text)
    assert all(sentences(text))
    assert all(token for token in tokens(text))
    normal(text).encode()


@given(ANY_TEXT)
def test_clean_leaves_clean_text_alone(text):
    assert clean(clean(text)) == clean(text)
    if not any(0xD800 <= ord(character) < 0xE000 for character in text):
        assert clean(text) == text
