import pytest

from tests.filters.helpers import rule_verdict

ASKED = "She buys 12 flowers. 2 are daisies, 3/5 of the others tulips, and the rest sunflowers. How many sunflowers are there?"
USED = "12 - 2 = 10 flowers are others.\n10 * 3/5 = 6 are tulips.\n10 - 6 = 4 are sunflowers."


def verdict(response, asked=ASKED, **more):
    return rule_verdict("unused_result", response, asked, **{"answer": "4"} | more)


@pytest.mark.parametrize(
    "response",
    [
        USED,
        f"{USED}\nCheck: 6 + 4 = 10 and 10 + 2 = 12.",
        "12 - 2 = 10 flowers, of which 4 are left when 6 go.",
        "12 - 3 = 9, which is more than 4 < 9.\n10 - 6 = 4",
        "12 - 3 = 9\nLet x be it: 9x = 36\n10 - 6 = 4",
        "12 - 5 = 7\nIn the head that is 38.\n10 - 6 = 4",
    ],
)
def test_results_that_are_used_pass(response):
    assert verdict(response) == ("pass", None)


def test_a_result_that_nobody_uses_is_refused():
    response = "There are 12 - 2 = 10 daisies and 12 - 3 = 9 tulips.\n10 * 3/5 = 6 are tulips.\n10 - 6 = 4"
    assert verdict(response) == ("fail", "unused_result")
    assert verdict(response, asked=f"{ASKED} Which is the cheapest?") == ("pass", None)
    assert verdict(response, task="puzzle") == ("pass", None)
    assert verdict(response, answer="Monday") == ("pass", None)
