"""What responses earn, one reward a file. Another package adds one by an entry point in `nightschool.rewards`."""

from train_stages.parts import Kinds
from train_stages.rewards.base import Reward

REWARDS: Kinds[Reward] = Kinds("reward", Reward, "nightschool.rewards", __name__, helpers=("base", "scoring"))
