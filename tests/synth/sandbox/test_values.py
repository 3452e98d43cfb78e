import json
from fractions import Fraction

import pytest

from synth.sandbox.values import from_plain, to_plain


@pytest.mark.parametrize(
    "value",
    [
        None, True, 3, -2.5, "text", [], {}, (1, (2, "a")), {1, 2}, {"$": 1}, {1: "a", (2, 3): [None]}, Fraction(1, 3), 10**5000,
        {"a": [{"b": (1,)}]},
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_a_value_survives_json(value):
    again = from_plain(json.loads(json.dumps(to_plain(value))))
    assert again == value and type(again) is type(value)


@pytest.mark.parametrize("value", [object(), 1j, [b"bytes"]])
def test_other_values_are_refused(value):
    with pytest.raises(TypeError, match="a value of type"):
        to_plain(value)


@pytest.mark.parametrize(
    "text",
    [
        '{"$": "set", "items": [[1]]}',
        '{"$": "x", "items": []}',
        '{"$": "int"}',
        '{"$": "fraction", "items": ["1e999999999", 1]}',
        '{"$": "fraction", "items": ["1e999999999"]}',
        '{"$": "fraction", "items": [true, 1]}',
    ],
)
def test_what_no_value_makes_is_refused(text):
    with pytest.raises((ValueError, TypeError, KeyError)):
        from_plain(json.loads(text))
