import pytest

from tests.filters.helpers import rule_verdict


def verdict(response, answer="230", **more):
    return rule_verdict("several_answers", response, answer=answer, **more)


@pytest.mark.parametrize(
    "response",
    [
        "\\boxed{230}",
        "So it is \\boxed{230}.\n\\[\\boxed{230 \\text{ miles}}\\]",
        "\\boxed{\\$1,230}, or \\boxed{1{,}230.00}",
        "230",
    ],
)
def test_one_answer_passes(response):
    assert verdict(response) == ("pass", None)


@pytest.mark.parametrize(
    "response",
    ["First \\boxed{80}, then \\boxed{150}.\n\\boxed{80 + 150} = 230: \\boxed{230}", "\\boxed{2}\n\\boxed{3}"],
)
def test_boxes_with_different_numbers_are_refused(response):
    assert verdict(response) == ("fail", "several_answers")
    assert verdict(response, answer="80 and 150") == ("pass", None)
    assert verdict(response, task="puzzle") == ("pass", None)
