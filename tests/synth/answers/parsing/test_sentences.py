import pytest

from synth.answers.parsing.sentences import number_in_sentence


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Ann has 5 apples left", 5),
        ("She pays $1,250 for it", 1250),
        ("It happened in 1989", 1989),
        ("She has 5 fewer than Ben", None),
        ("between 5 and 6", None),
        ("not 5", None),
        ("Step 5 is done", None),
        ("the 5th one", None),
        ("5 times as many", None),
        ("no number", None),
        ("x = 5 here", None),
    ],
)
def test_the_one_number_of_a_sentence_where_nothing_changes_it(text, value):
    quantity = number_in_sentence(text)
    assert (quantity.value if quantity else None) == value
    assert quantity is None or quantity.prose
