import pytest

from filters import get_filter
from filters.base import Context
from tests.filters.helpers import outcomes, row, table


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"response": "a b c"}, ("pass", None)),
        ({"response": ""}, ("fail", "too_short")),
        ({"response": "a " * 5_000}, ("fail", "too_long")),
        ({"task": "knights_knaves", "response": "a " * 5_000}, ("pass", None)),
        ({"task": "other", "response": "a " * 5_000}, ("pass", None)),
        ({"response": "a" * 300_000}, ("fail", "too_long")),
        ({"messages": [{"role": "user", "content": "a " * 5_000}]}, ("fail", "prompt_too_long")),
        ({"kind": "preference", "rejected": "a " * 5_000}, ("fail", "too_long")),
        ({"kind": "prompt", "response": None}, ("pass", None)),
        ({"kind": "text", "response": None, "text": "a"}, ("pass", None)),
        ({"kind": "stepwise", "response": None, "steps": ["a"]}, ("pass", None)),
    ],
)
def test_length(change, expected):
    assert outcomes(get_filter("length")(table(row("s", **change)), Context())) == {"s": expected}


def test_limits_from_a_recipe():
    short = get_filter("length", {"limits": {"math_word": {"most": 2}}})
    assert outcomes(short(table(row("s", response="a b c")), Context())) == {"s": ("fail", "too_long")}
