"""What differs from the night before is named, and the shift between methods is measured."""

import pytest

from flows.report.changes import method_drift, pin_changes

PIN = {
    "parts": {"methods": "1", "filters": "2"}, "methods": {"cot": "a"}, "prompts": ["cot/solve@1", "critique/critique@2"],
    "student": "s", "code": "0.1.0", "recipe": "r", "judge": "4", "benchmarks": "{}",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "lines"),
    [
        ({}, []),
        ({"student": "t"}, ["the student"]),
        ({"parts": {"methods": "9", "filters": "2", "policy": "3"}}, ["recipe: methods", "recipe: policy"]),
        ({"prompts": ["cot/solve@7"]}, ["prompt cot/solve", "prompt critique/critique"]),
        ({"methods": {"cot": "b"}, "judge": "5"}, ["source of the method cot", "the judge of answers"]),
    ],
)
def test_what_differs_is_named(changed, lines):
    assert pin_changes(PIN, {**PIN, **changed}) == lines


def test_an_unknown_night_has_no_changes():
    assert pin_changes(None, PIN) == [] == pin_changes(PIN, None)


def test_drift_is_the_total_variation_distance_between_shares():
    before = [{"method": "cot", "accepted": 80}, {"method": "tutorship", "accepted": 20}]
    assert method_drift(before, before) == 0
    assert method_drift(
        before, [{"method": "cot", "accepted": 1}, {"method": "critique", "accepted": 1}]
    ) == pytest.approx(0.5)
    assert method_drift(before, [{"method": "cot", "accepted": 0}]) is None
