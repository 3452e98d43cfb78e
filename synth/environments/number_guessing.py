"""The other side of `number_guessing`: it answers each guess by higher or lower, until the number is found or no guess is left."""

from collections.abc import Sequence

from storage.messages import Message
from synth.environments.base import Environment, State, Turn, keep
from synth.problems import get_task
from synth.problems.base import Problem


class NumberGuessing(Environment):
    """Answers guesses; the reward is 1 where the number is found in time, else 0."""

    name = "number_guessing"
    tasks = frozenset({"number_guessing"})

    def start(self, problem: Problem, seed: int) -> State:
        """Begin; nothing is random here."""
        return {"problem": keep(problem), "guesses": 0}

    def step(self, state: State, message: Message, results: Sequence[str] | None = None) -> Turn:
        """Compare a guess with the number. A reply without a guess uses one up."""
        problem = Problem(**state["problem"])
        guess = _number(get_task(problem.task).check(problem, str(message.get("content") or "")).answer)
        after = {**state, "guesses": state["guesses"] + 1}
        if guess == int(problem.gold):
            return Turn(after, reward=1.0, done=True)
        left = problem.attrs["guesses"] - after["guesses"]
        if left <= 0:
            return Turn(after, reward=0.0, done=True)
        if guess is None:
            said = "That is no whole number; give one guess as your final answer."
        else:
            said = f"My number is {'higher' if int(problem.gold) > guess else 'lower'} than {guess}."
        return Turn(
            after, ({"role": "user", "content": f"{said} You have {left} guess{'es' if left > 1 else ''} left."},)
        )


def _number(answer: str | None) -> int | None:
    """A guess as a number; None where it is none of ten digits."""
    text = (answer or "").strip().replace(",", "")
    return (
        int(text)
        if text.removeprefix("-").isascii() and text.removeprefix("-").isdecimal() and len(text) <= 10
        else None
    )


NUMBER_GUESSING = NumberGuessing()
