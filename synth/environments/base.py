"""What an environment is: the other side of a dialogue with a model about one problem, as pure functions on a JSON state.

    state = environment.start(problem, seed=0)
    turn = environment.step(state, {"role": "assistant", "content": reply})

A method, an evaluation or a training drives it (`synth.environments.dialogue`): it asks the model, hands over the reply, and
appends what comes back. There is no clock and no hidden state, so a replay goes the same way, and a killed dialogue is played
again from the ledger's answers.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from storage.messages import Message
from synth.answers.outcome import Outcome
from synth.problems import get_task
from synth.problems.base import Problem
from synth.tools.base import Tool
from synth.tools.calls import ToolCall

State = Mapping[str, Any]
"""JSON values only."""
REWARDS: Mapping[Outcome, float | None] = {Outcome.CORRECT: 1.0, Outcome.WRONG: 0.0, Outcome.UNVERIFIABLE: None}
"""What a final answer earns; what cannot be decided earns neither."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What an environment does with a reply.

    Attributes:
        state: Its state from now on.
        messages: What it says: turns of the role `user`, or of `tool` with the `tool_call_id` that they answer; empty at the end.
        reward: Of the whole dialogue, at its end; None before, and where it cannot be decided.
        done: Whether the dialogue is over.
    """

    state: State
    messages: tuple[Message, ...] = ()
    reward: float | None = None
    done: bool = False


class Environment(ABC):
    """One kind of dialogue. Instances are stateless."""

    name: ClassVar[str]
    """Its name in recipes and rows: its file's."""
    tasks: ClassVar[frozenset[str]] = frozenset()
    """Kinds of problems it plays; empty means every kind."""
    rules: ClassVar[str] = ""
    """What the model is told of it after the problem, where it plays in plain text."""
    tools: ClassVar[tuple[Tool, ...]] = ()
    """What a model may call in it; a model whose chat template knows tools is given their schemas instead of the rules."""
    shared_replies: ClassVar[int] = 0
    """In reinforcement learning so many replies, the first ones, are the same in all dialogues of a group, 0 or 1."""
    credited_replies: ClassVar[tuple[int, ...] | None] = None
    """Which replies carry loss in reinforcement learning, numbered from 0; None means all."""

    def check(self) -> None:
        """Check that it can be played here; a training checks before it begins.

        Raises:
            NightschoolError: It cannot; the message says what is missing.
        """
        return

    @abstractmethod
    def start(self, problem: Problem, seed: int) -> State:
        """Begin a dialogue about a problem; whatever is random in it depends on the seed alone."""

    def asked(self, message: Message) -> tuple[ToolCall, ...]:
        """Return the calls of tools in a reply: whoever drives it may run them and hand the results to `step`."""
        return ()

    @abstractmethod
    def step(self, state: State, message: Message, results: Sequence[str] | None = None) -> Turn:
        """Take the model's reply. Never raises on model text.

        Args:
            state: The state.
            message: The reply: `content`, and `tool_calls` where it calls tools.
            results: What the calls of `asked` returned, in their order; None lets the environment run them.
        """

    def run(self, call: ToolCall) -> str:
        """Run one call of a tool."""
        tool = self.tool(call.name)
        return unknown_tool(self.tools, call.name) if tool is None else tool.call(call.arguments)

    def tool(self, name: str) -> Tool | None:
        """Return the tool of that name; None where it has none."""
        return next((tool for tool in self.tools if tool.name == name), None)


def unknown_tool(tools: Sequence[Tool], name: str) -> str:
    """What a model is told that calls a tool that is not there."""
    return f"error: there is no tool {name[:40]!r}; there is {', '.join(tool.name for tool in tools) or 'none'}"


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
