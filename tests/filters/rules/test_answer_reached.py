import pytest

from filters import get_filter
from filters.base import Context
from tests.filters.helpers import table


def verdict(response, answer, task="math_word", kind="sft"):
    row = {"sample_id": "a", "kind": kind, "task": task, "messages": [], "response": response, "answer": answer}
    [judged] = get_filter("answer_reached")(table(row), Context()).to_pylist()
    return judged["outcome"], judged["reason"]


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ("3 * 4 = 12\n#### 12", "12"),
        ("\\[ \\text{Total} = \\$1,200 + \\$300 = \\$1,500 \\]\nIt is \\boxed{1500}.", "1500"),
        ("48/2 = <<48/2=24>>24 clips\n#### 24", "24"),
        ("3 / 6 = 0.5, so it is half.\n\\boxed{50}", "50"),
        ("It is twice as much as ten, twenty.\n\\boxed{20}", "20"),
        ("\\frac{30}{2} = 15 \\text{ and } 3 \\times 15 = 45", "45"),
        ("<think>2 + 2 = 5</think>It is twelve.\n#### 12", "12"),
        ("x = Monday", "Monday"),
    ],
)
def test_a_solution_that_comes_to_its_answer_passes(response, answer):
    assert verdict(response, answer) == ("pass", None)


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ("The average is $6 / 3 = $2.\nThe total is $320.\n\\boxed{320}", "320"),
        ("10 \\times 5 = 50 pencils, and 8 * 15 = 120.\n\\[15 = 50\\]\nThis is not true. It is\n\\[\\boxed{5}\\]", "5"),
        ("3 + 4 = 7\nThe answer = \\boxed{9}", "9"),
    ],
)
def test_an_answer_below_other_sums_fails(response, answer):
    assert verdict(response, answer) == ("fail", "answer_not_reached")
    assert verdict(response, answer, task="puzzle") == ("pass", None)
    assert verdict(response, answer, kind="stepwise") == ("pass", None)
