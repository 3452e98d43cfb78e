import pytest

from synth.problems.code.unit_tests import UnitTest, UnreadTestError, read_tests


@pytest.mark.parametrize(
    ("written", "args", "expected"),
    [
        ("assert f(1, [2]) == (3, 'a')", (1, [2]), (3, "a")),
        ("assert f('x') is None", ("x",), None),
        ("assert f(-1) == {1, 2}", (-1,), {1, 2}),
        ("assert f([])", ([],), True),
        ("assert not f([])", ([],), False),
        ({"args": [1], "expected": [1, 2]}, (1,), [1, 2]),
    ],
)
def test_tests_are_calls_with_values(written, args, expected):
    [test] = read_tests([written], "f")
    assert test.args == args and test.expected == expected
    assert UnitTest.from_json(test.to_json()) == test
    assert test.passes(expected)


@pytest.mark.parametrize(
    ("written", "value", "passes"),
    [
        ("assert f() == 1", True, True),  # as Python has it
        ("assert f() == 1", 1.0, True),
        ("assert f() == 1", "1", False),
        ("assert f() == [1]", (1,), False),
        ({"args": [], "expected": [1]}, (1,), True),
        ({"args": [], "expected": 0.3}, 0.1 + 0.2, False),
        ({"args": [], "expected": 0.3, "tolerance": 1e-9}, 0.1 + 0.2, True),
        ("assert abs(f() - 0.3) < 1e-9", 0.1 + 0.2, True),
        ("assert abs(f() - 0.3) < 1e-9", float("nan"), False),
        ("assert f()", [0], True),
        ("assert f() == {'a': (1, 2)}", {"a": (1, 2)}, True),
        ("assert f() == {'a': 1}", {"a": 1, "b": 2}, False),
    ],
)
def test_values_are_compared_as_python_compares_them(written, value, passes):
    [test] = read_tests([written], "f")
    assert test.passes(value) is passes


@pytest.mark.parametrize(
    "written",
    [
        [], None, "x = 1", ["assert g(1) == 2"], ["assert f(x) == 2"], ["assert f(1) == y"], ["assert f(1) < 2"], ["import os"],
        [{"args": 1, "expected": 2}], [{"args": []}], ["assert f(1) == 1"] * 201, ["(" * 5000],
    ],
    ids=lambda value: str(value)[:20],
)  # fmt: skip
def test_what_is_no_call_with_a_value_is_refused(written):
    with pytest.raises(UnreadTestError):
        read_tests(written, "f")
