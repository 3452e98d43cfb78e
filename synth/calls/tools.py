"""A tool as an engine, so that its calls are found in the ledger like any other: what ran once is not run again."""

import asyncio
import os

from storage.messages import Message
from synth.engines.base import Answer, Request, Sampling
from synth.tools.base import Tool
from synth.tools.calls import ToolCall, turn_of

ROLE = "tool"
"""Role of tools in the ledger."""
SAMPLE = "tool"
"""Sample number of their calls, which no chat has."""
SAMPLING = Sampling(max_tokens=0)


class ToolEngine:
    """Runs calls of one tool, a few at once, in threads.

    Args:
        tool: The tool.
    """

    reads_problem = False

    def __init__(self, tool: Tool) -> None:
        self._tool = tool
        self.model = tool.model
        self.concurrency = os.cpu_count() or 1

    async def answer(self, request: Request) -> Answer:
        """Run the one call in a request.

        Raises:
            SandboxError: There is no working sandbox here, and the tool needs one.
        """
        [call] = request.messages[0]["tool_calls"]
        return Answer(await asyncio.to_thread(self._tool.call, call["function"]["arguments"]), "stop")

    async def close(self) -> None:
        """There is nothing to release."""


def asked(call: ToolCall) -> tuple[Message, ...]:
    """Return a call as the chat that stands for it in its key: the turn of the assistant with nothing else in it."""
    return (turn_of("", [call]),)
