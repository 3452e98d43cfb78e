import pytest

from synth.answers.comparing.regions import as_interval, bounded, region, turned
from synth.answers.parsing.form import read_form


@pytest.mark.parametrize(
    ("text", "brackets", "low", "high"),
    [("2 <= x < 5", "[)", 2, 5), ("5 > x > 2", "()", 2, 5), ("x > 3", "()", 3, None), (r"3 \ge x", "(]", None, 3)],
)
def test_inequalities_as_intervals(text, brackets, low, high):
    interval = as_interval(read_form(text))
    ends = [part.value for part in interval.parts]
    assert (interval.brackets, ends) == (brackets, [low, high])


@pytest.mark.parametrize("text", ["x != 3", "x < y", "1 < 2 < x < 3"])
def test_what_is_no_interval(text):
    assert as_interval(read_form(text)) is None


def test_a_region_has_the_name_of_its_variable():
    assert region(read_form("|z| > 2"))[0] == "z" and len(region(read_form("|z| > 2"))[1].parts) == 2
    assert region(read_form("x < 1 or x > 3"))[0] == "x"
    assert region(read_form("|z| > -2")) is None and region(read_form("x < 1 or y > 3")) is None
    assert region(read_form("5")) is None and region(read_form("2x > 5")) is None


def test_relations_are_turned_round():
    relation = read_form("2 < x")
    assert turned(relation).signs == (">",) and bounded(relation) == ("s", "x")
