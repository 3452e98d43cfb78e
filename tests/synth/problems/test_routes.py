import pytest

from synth.problems.arithmetic import make_problem
from synth.problems.registry import get_task
from synth.problems.routes import may_lead, states

TASK = get_task("arithmetic")


@pytest.mark.parametrize(
    ("left", "change", "leads"),
    [
        (26, -3, True),  # the next step
        (26, -9, True),  # another order
        (17, -3, True),  # one step in the head: 26 - 9
        (3, 1, True),  # what is lost in all
        (-3, -1, True),
        (9, 3, True),
        (1, 1, False),
        (26, 3, False),  # the wrong sign
        (10, -3, False),  # a number from nowhere
        (17, -9, False),  # one change twice
    ],
)
def test_what_may_be_part_of_a_solution(left, change, leads):
    assert may_lead(26, (-3, -1, -9), left, change) is leads


def test_many_changes_are_not_looked_at():
    assert may_lead(1, (1,) * 9, 50, 50)


def test_states_are_what_may_be_left_after_some_changes():
    assert states(10, (-3, 2)) == {10, 7, 12, 9}


@pytest.mark.parametrize(
    ("attempt", "labels"),
    [
        ("1 + 6 = 7\n7 - 6 = 1\n#### 1", (False, False)),
        ("28 + 1 = 29\n29 + 6 = 35\n#### 35", (True, False)),
        ("28 + 1 = 29\n29 - 7 = 22\n#### 22", (True, None)),  # comes to a number that may be left: perhaps another way
        ("1 - 6 = 5\n#### 5", (False,)),
        ("20 + 1 = 21\n21 + 3 = 24\n#### 24", (False, False)),
    ],
)
def test_a_true_step_that_leads_nowhere_is_surely_wrong(attempt, labels):
    import random

    problem = make_problem(random.Random(1), 28, (("+", 1), ("-", 6)), tier=2, source="test")
    assert TASK.review(problem, attempt).labels == labels


def test_with_multiplications_nothing_is_ruled_out():
    import random

    problem = make_problem(random.Random(1), 5, (("+", 3), ("*", 2)), tier=4, source="test")
    assert TASK.review(problem, "5 + 9 = 14\n#### 14").labels == (None,)
