"""Every reward: by hand, the same whenever it is asked, finite on whatever a model writes, and of use in a training."""

import pytest

from storage.errors import RecipeError
from tests.train_stages import every
from train_stages.config import RlConfig
from train_stages.rewards import REWARDS
from train_stages.rewards.scoring import make_rewards

PARTS = REWARDS.all()
FORMULAS = [name for name, reward in PARTS.items() if not reward().models]
"""Rewards that ask no model; those that do have a test of their own in `rewards/`."""


@pytest.mark.parametrize("name", PARTS)
def test_it_is_described(name):
    every.check_described(REWARDS, name)


@pytest.mark.parametrize("name", FORMULAS)
def test_it_is_what_was_worked_out_by_hand(name):
    every.check_reward(PARTS[name])


@pytest.mark.parametrize("name", FORMULAS)
def test_it_is_given_to_the_trainer_by_its_name_and_weight(name):
    problem = every.problem_of_task(PARTS[name].examples[0].task)
    config = RlConfig(rewards=[{"kind": name, "weight": 0.3}])
    rewards = make_rewards([problem], config.rewards)
    assert rewards.names == (name,) == (rewards.functions[0].__name__,) and rewards.weights == (0.3,)
    completions = [[{"role": "assistant", "content": f"#### {problem.gold}"}]] * 2
    scores = rewards.functions[0](completions=completions, number=[0, 0], completion_ids=[[1], [1]])
    assert scores[0] == scores[1]


def test_a_list_of_rewards_is_read_as_a_recipe_writes_it():
    config = RlConfig(rewards=["answer", {"kind": "format", "weight": 0.1}])
    assert [(reward.name, reward.weight) for reward in config.rewards] == [("answer", 1), ("format", 0.1)]
    assert [reward.name for reward in RlConfig(rewards="answer").rewards] == ["answer"]
    with pytest.raises(RecipeError, match=r"^rl\.rewards\.1\.wieght: unknown setting 'wieght'; did you mean 'weight'"):
        every.read("rl", rewards=["answer", {"kind": "format", "wieght": 1}])
    with pytest.raises(RecipeError, match=r"answer stands 2 times; give it once"):
        every.read("rl", rewards=["answer", "answer"])
