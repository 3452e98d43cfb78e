import pytest

from synth.problems.operations import operations


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1 / 2 * 5000", "5000 / 2"),
        ("20% * 50", "50 * 0.2"),
        ("3 + 4 + 5", "5 + 3 + 4"),
        ("2 * 3 * 4", "4 * (3 * 2)"),
        ("12 - (3 + 2)", "12 - (2 + 3)"),
    ],
)
def test_two_ways_to_write_one_calculation_are_equal(one, other):
    assert operations(one) == operations(other) != set()


@pytest.mark.parametrize(
    ("one", "other"), [("2 + 4", "2 * 4"), ("12 - 2", "2 - 12"), ("6 / 3", "3 / 6"), ("1 / 3 * 60", "60 / 2")]
)
def test_other_calculations_are_not(one, other):
    assert operations(one).isdisjoint(operations(other))


def test_brackets_count_too():
    assert operations("2 + 4") < operations("(2 + 4) * 3")


@pytest.mark.parametrize("text", ["", "2 +", "1 / 0", "f(2)", "2 ** 3", "7"])
def test_what_is_no_calculation_has_none(text):
    assert operations(text) == set()
