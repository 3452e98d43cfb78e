"""A dialogue in play: what a method, an evaluation and a training have in common when they drive an environment.

dialogue = Dialogue(environment, problem, question, seed=0, turns=6, form="tools")
while dialogue.open:
message = dialogue.read(ask(dialogue.messages, dialogue.tools))
dialogue.take(message, [run(call) for call in dialogue.asked(message)])
"""

from collections.abc import Sequence
from typing import Any, Literal

from storage.messages import Message
from synth.environments.base import Environment
from synth.problems.base import Problem
from synth.tools.calls import ToolCall, read_calls, turn_of

Form = Literal["tools", "text"]
"""How a model calls tools: as its chat template says, given their schemas; or in plain text, by the rules of the environment."""


class Dialogue:
    """One dialogue, from the question to its end.

    Args:
        environment: The other side.
        problem: What it is about.
        question: The chat that asks the problem; ends with the user's turn.
        seed: Of what is random in the environment.
        turns: Replies at most.
        form: How tools are called.

    Attributes:
        messages: The chat so far, without the last reply.
        last: The last reply.
        replies: How many there were.
        done: Whether the environment ended it.
        reward: What it earned, at its end.
    """

    def __init__(
        self,
        environment: Environment,
        problem: Problem,
        question: Sequence[Message],
        *,
        seed: int = 0,
        turns: int = 6,
        form: Form = "tools",
    ) -> None:
        self.environment, self._turns = environment, turns
        self._by_tools = form == "tools" and bool(environment.tools)
        self._state = environment.start(problem, seed)
        ruled = not self._by_tools and bool(environment.rules)
        self.messages = _with_rules(environment, question) if ruled else list(question)
        self.last: Message | None = None
        self.replies = self._calls = 0
        self.done = False
        self.reward: float | None = None

    @property
    def open(self) -> bool:
        """Whether another reply is asked for."""
        return not self.done and self.replies < self._turns

    @property
    def tools(self) -> list[dict[str, Any]] | None:
        """Schemas of the tools that the model is given; None where it plays in plain text, or there are none."""
        return [tool.schema for tool in self.environment.tools] if self._by_tools else None

    def read(self, text: str) -> Message:
        """Return a reply as the assistant's turn, the calls in its text read."""
        if not self._by_tools:
            return {"role": "assistant", "content": text}
        content, calls = read_calls(text)
        return {"tool_calls": [], **turn_of(content, calls, self._calls)}

    def asked(self, message: Message) -> tuple[ToolCall, ...]:
        """Return the calls that have to be run before the reply is taken; none where no further reply would see them."""
        return () if self.replies + 1 >= self._turns else self.environment.asked(message)

    def take(self, message: Message, results: Sequence[str] | None = None) -> None:
        """Take a reply, and what its calls returned; None lets the environment run them."""
        self.replies += 1
        self.last = message
        if self.replies >= self._turns and self.environment.asked(message):
            return  # nobody would read the results
        turn = self.environment.step(self._state, message, results)
        self._state, self.done, self.reward = turn.state, turn.done, turn.reward
        if self.open:
            self._calls += len(message.get("tool_calls") or ())
            self.messages += [{name: value for name, value in message.items() if value != []}, *turn.messages]


def _with_rules(environment: Environment, question: Sequence[Message]) -> list[Message]:
    *before, asked = question
    return [*before, {**asked, "content": f"{asked['content']}\n\n{environment.rules}"}]
