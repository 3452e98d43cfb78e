"""What an environment is: the other side of a dialogue with a model about one problem, as pure functions on a JSON state.

    state = environment.start(problem, seed=0)
    turn = environment.step(state, {"role": "assistant", "content": reply})

A method, an evaluation or a training drives it: it asks the model, hands over the reply, and appends what comes back. There is
no clock and no hidden state, so a replay goes the same way, and a killed dialogue is played again from the ledger's answers.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from synth.answers.outcome import Outcome
from synth.problems import get_task
from synth.problems.base import Problem

State = Mapping[str, Any]
"""JSON values only."""
REWARDS: Mapping[Outcome, float | None] = {Outcome.CORRECT: 1.0, Outcome.WRONG: 0.0, Outcome.UNVERIFIABLE: None}
"""What a final answer earns; what cannot be decided earns neither."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What an environment does with a reply.

    Attributes:
        state: Its state from now on.
        messages: What it says: `{"role": ..., "content": ...}`, empty at the end.
        reward: Of the whole dialogue, at its end; None before, and where it cannot be decided.
        done: Whether the dialogue is over.
    """

    state: State
    messages: tuple[dict[str, str], ...] = ()
    reward: float | None = None
    done: bool = False


class Environment(ABC):
    """One kind of dialogue. Instances are stateless."""

    name: ClassVar[str]
    """Its name in recipes and rows: its file's."""
    tasks: ClassVar[frozenset[str]] = frozenset()
    """Kinds of problems it plays; empty means every kind."""
    rules: ClassVar[str]
    """What the model is told of it, after the problem."""

    @abstractmethod
    def start(self, problem: Problem, seed: int) -> State:
        """Begin a dialogue about a problem; whatever is random in it depends on the seed alone."""

    @abstractmethod
    def step(self, state: State, message: Mapping[str, str]) -> Turn:
        """Take the model's reply. Never raises on model text."""


def keep(problem: Problem) -> dict[str, Any]:
    """Return a problem as a part of a state."""
    return asdict(problem)


def reward_of(state: State, response: str) -> float | None:
    """Let the task's judge decide a final answer: 1, 0, or None where it cannot be decided.

    Args:
        state: A state with the key `problem`, as `keep` made it.
        response: The reply with the answer.
    """
    problem = Problem(**state["problem"])
    return REWARDS[get_task(problem.task).check(problem, response).outcome]
