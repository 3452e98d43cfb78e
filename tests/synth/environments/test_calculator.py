"""The calculator: exact values, limits, and the judge's outcome as reward."""

import json

import pytest

from synth.environments import get_environment
from synth.problems import get_task, open_source

CALCULATOR = get_environment("calculator")
PROBLEM = open_source("arithmetic", {"tiers": [1]}).draw(1, seed=1, tier=1)[0]


def reply(content, state=None):
    return CALCULATOR.step(state or CALCULATOR.start(PROBLEM, 0), {"role": "assistant", "content": content})


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("calculate: 12 * 7", "12 * 7 = 84"),
        ("Let me see.\nCalculate:  (1 + 2) / 4 ", "(1 + 2) / 4 = 0.75"),
        ("calculate: 1 / 3", "1 / 3 = 1/3"),
        ("calculate: 2 + 2\ncalculate: 3 - 5", "2 + 2 = 4\n3 - 5 = -2"),
        ("calculate: 0.1 + 0.2", "0.1 + 0.2 = 0.3"),
        ("calculate: __import__('os')", "__import__('os') = not an expression of numbers, + - * / and brackets"),
        ("calculate: 1 / 0", "1 / 0 = not an expression of numbers, + - * / and brackets"),
        (f"calculate: {'9' * 300}", f"{'9' * 300} = not an expression of numbers, + - * / and brackets"),
    ],
)
def test_a_calculation_is_answered_exactly(asked, answered):
    turn = reply(asked)
    assert turn.messages == ({"role": "user", "content": answered},)
    assert not turn.done and turn.reward is None


def test_a_turn_answers_a_bounded_number_of_calculations():
    turn = reply("calculate: 1 + 1\n" * 20)
    assert turn.messages[0]["content"].count("1 + 1 = 2") == 8 and "only 8 at once" in turn.messages[0]["content"]
    assert turn.state["calls"] == 20


def test_the_end_has_the_judges_outcome():
    right = get_task("arithmetic").solve(PROBLEM)
    assert reply(right).reward == 1.0 and reply(right).done
    assert reply(f"#### {int(PROBLEM.gold) + 1}").reward == 0.0


def test_a_state_is_json_and_a_dialogue_is_a_function_of_it():
    state = reply("calculate: 1 + 1").state
    again = json.loads(json.dumps(state))
    assert reply("calculate: 2 + 2", again) == reply("calculate: 2 + 2", state)
