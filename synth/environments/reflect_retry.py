"""A second chance: who answers wrongly is asked what went wrong, and tries again with that reflection before its eyes.

Reflect, Retry, Reward (arXiv:2505.24726): reinforcement learning rewards the reflection alone, by whether the second try succeeds.
The wording of both turns is ours.
"""

from collections.abc import Sequence
from typing import ClassVar

from storage.messages import Message
from synth.environments.base import Environment, State, Turn, keep, reward_of
from synth.problems.base import Problem

REFLECT = (
    "That is not right. Do not answer again yet: say briefly what went wrong, and what you will do differently, so that the next "
    "try succeeds."
)
RETRY = "Now answer the problem again."


class ReflectRetry(Environment):
    """Asks for a reflection after a wrong answer, then for a second one; the reward is 1 where that is right, else 0.

    A first answer that is right, or that cannot be decided, ends the dialogue without a reward: there is nothing to learn from it.
    """

    name = "reflect_retry"
    shared_replies: ClassVar[int] = 1
    credited_replies: ClassVar[tuple[int, ...] | None] = (1,)

    def start(self, problem: Problem, seed: int) -> State:
        """Begin; nothing is random here."""
        return {"problem": keep(problem), "replies": 0}

    def step(self, state: State, message: Message, results: Sequence[str] | None = None) -> Turn:
        """Judge the first answer, take the reflection as it is, judge the second answer."""
        after = {**state, "replies": state["replies"] + 1}
        if state["replies"] == 1:
            return Turn(after, ({"role": "user", "content": RETRY},))
        reward = reward_of(state, str(message.get("content") or ""))
        if state["replies"] > 1:
            return Turn(after, reward=reward, done=True)
        if reward == 0.0:
            return Turn(after, ({"role": "user", "content": REFLECT},))
        return Turn(after, done=True)


REFLECT_RETRY = ReflectRetry()
