"""A right first answer ends the dialogue unrewarded; after a wrong one, a reflection and a second answer, which is rewarded."""

import json

import pytest

from synth.environments import get_environment
from synth.environments.dialogue import Dialogue
from synth.environments.reflect_retry import REFLECT, RETRY
from synth.problems.arithmetic import Arithmetic

PROBLEM = Arithmetic([1]).draw(1, seed=1)[0]
RIGHT, WRONG = f"#### {PROBLEM.gold}", "#### -1"


def play(*replies, turns=6):
    dialogue = Dialogue(get_environment("reflect_retry"), PROBLEM, [{"role": "user", "content": "?"}], turns=turns)
    for reply in replies:
        assert dialogue.open
        dialogue.take(dialogue.read(reply))
    return dialogue


@pytest.mark.parametrize(("second", "reward"), [(RIGHT, 1.0), (WRONG, 0.0), ("no idea", 0.0)])
def test_the_second_answer_is_what_is_rewarded(second, reward):
    dialogue = play(WRONG, "I forgot the carry.", second)
    assert dialogue.done and dialogue.reward == reward
    assert [turn["content"] for turn in dialogue.messages] == ["?", WRONG, REFLECT, "I forgot the carry.", RETRY]


def test_a_right_first_answer_ends_it_and_earns_nothing():
    dialogue = play(RIGHT)
    assert dialogue.done and dialogue.reward is None and len(dialogue.messages) == 1


def test_a_right_answer_in_the_reflection_is_not_judged():
    assert not play(WRONG, RIGHT).done
    assert play(WRONG, RIGHT, WRONG).reward == 0.0


def test_a_dialogue_that_is_cut_short_has_no_reward():
    dialogue = play(WRONG, "I forgot the carry.", turns=2)
    assert not dialogue.open and not dialogue.done and dialogue.reward is None


def test_its_state_is_json():
    game = get_environment("reflect_retry")
    state = game.start(PROBLEM, 0)
    turn = game.step(json.loads(json.dumps(state)), {"role": "assistant", "content": WRONG})
    assert (
        game.step(json.loads(json.dumps(turn.state)), {"role": "assistant", "content": ""}).messages[0]["content"]
        == RETRY
    )
