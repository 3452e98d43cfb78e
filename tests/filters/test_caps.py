from filters import get_filter
from tests.filters.helpers import arithmetic, context, outcomes, row, table, word_problem

ANN, OTHER, BEN = arithmetic("Ann"), arithmetic("Ann", 9), word_problem()
ROWS = [row(f"{n}", problem) for n, problem in enumerate([ANN, ANN, OTHER, ANN, BEN, ANN])]


def judge(options=None, **more):
    found = outcomes(get_filter("caps", options)(table(*ROWS), context(ANN, OTHER, BEN, **more)))
    return {name: reason for name, (_, reason) in found.items() if reason}


def test_no_cap_unless_asked_for():
    assert judge() == {}
    assert get_filter("caps").scope == "last"


def test_rows_of_one_problem():
    assert judge({"per_problem": 2}) == {"3": "too_many_of_problem", "5": "too_many_of_problem"}


def test_rows_of_one_template():
    assert judge({"per_template": 2}) == {name: "too_many_of_template" for name in "235"}


def test_rows_that_are_rejected_do_not_count():
    assert judge({"per_problem": 2}, eligible=frozenset("1345")) == {"5": "too_many_of_problem"}


def test_other_methods_have_their_own():
    rows = [row("a", ANN), row("b", ANN, method="critique")]
    found = outcomes(get_filter("caps", {"per_problem": 1})(table(*rows), context(ANN)))
    assert {outcome for outcome, _ in found.values()} == {"pass"}
