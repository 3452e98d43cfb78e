"""The base of environments in which a model solves a problem with tools at hand: it calls them until a reply calls none.

A call comes as `tool_calls` of the reply, and is answered by a turn of the role `tool` each. A model that plays in plain text
writes it as the rules of the environment say, and is answered by the user; its turns have no `tool_calls`, not even an empty list.
"""

from abc import abstractmethod
from collections.abc import Sequence

from storage.messages import Message
from synth.environments.base import Environment, State, Turn, keep, reward_of
from synth.problems.base import Problem
from synth.tools.calls import ToolCall, calls_in

MOST_CALLS = 8
"""Calls answered in one turn; our choice. Further ones are left out with a sentence."""


class ToolUse(Environment):
    """Answers calls of its tools until a reply has none; that reply holds the final answer."""

    def start(self, problem: Problem, seed: int) -> State:
        """Begin; nothing is random here."""
        return {"problem": keep(problem), "calls": 0}

    @abstractmethod
    def in_text(self, content: str) -> tuple[ToolCall, ...]:
        """Return the calls in a reply in plain text."""

    def told_in_text(self, calls: Sequence[ToolCall], results: Sequence[str]) -> str:
        """Return what the user says of the results, for a reply in plain text."""
        return "\n".join(results)

    def asked(self, message: Message) -> tuple[ToolCall, ...]:
        """Return the calls of a reply, at most `MOST_CALLS`."""
        return self._asked(message)[:MOST_CALLS]

    def _asked(self, message: Message) -> tuple[ToolCall, ...]:
        return calls_in(message) if "tool_calls" in message else self.in_text(str(message.get("content") or ""))

    def step(self, state: State, message: Message, results: Sequence[str] | None = None) -> Turn:
        """Answer the calls of the reply, or judge its final answer."""
        asked = self._asked(message)
        if not asked:
            return Turn(state, reward=reward_of(state, str(message.get("content") or "")), done=True)
        calls = asked[:MOST_CALLS]
        results = [self.run(call) for call in calls] if results is None else results
        after = {**state, "calls": state["calls"] + len(asked)}
        if not message.get("tool_calls"):
            left_out = [f"only {MOST_CALLS} at once; ask for the others again"] if len(asked) > MOST_CALLS else []
            text = "\n".join([self.told_in_text(calls, results), *left_out])
            return Turn(after, ({"role": "user", "content": text},))
        said = [*results, *([f"error: only {MOST_CALLS} calls at once"] * (len(asked) - len(calls)))]
        pairs = zip(message["tool_calls"], said, strict=True)
        return Turn(after, tuple({"role": "tool", "content": text, "tool_call_id": call["id"]} for call, text in pairs))
