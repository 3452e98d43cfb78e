import json

import pytest

from filters import get_filter
from filters.base import Context
from tests.filters.helpers import table


@pytest.mark.parametrize(
    ("notes", "outcome", "reason"),
    [
        ({}, "pass", None),
        ({"refused": None}, "pass", None),
        ({"refused": "not_confirmed"}, "fail", "not_confirmed"),
    ],
)
def test_the_methods_word_is_the_reason(notes, outcome, reason):
    verdicts = get_filter("method_rejection")(
        table({"sample_id": "a", "notes": json.dumps(notes)}), Context()
    ).to_pylist()
    assert [(row["outcome"], row["reason"]) for row in verdicts] == [(outcome, reason)]
