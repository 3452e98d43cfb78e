"""Many dialogues at once: an evaluation asks all that are open together, turn by turn."""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from storage.messages import Message
from synth.environments import get_environment
from synth.environments.base import Environment
from synth.environments.dialogue import Dialogue, Form
from synth.problems import get_task
from synth.problems.base import Problem
from synth.tools.base import Tool
from synth.tools.calls import ToolCall

RunTool = Callable[[Tool, ToolCall], str]
"""Who runs tools: `run_once`, or a ledger."""


class PlaySpec(BaseModel):
    """In which environment problems are played, and how. A bare name means `{kind: NAME}`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str = Field(description="Name of the environment.")
    turns: int = Field(6, ge=1, le=64, description="Replies at most; our choice.")
    form: Form = Field(
        "tools",
        description="`tools` gives the model's chat template the schemas of the tools; `text` tells it the environment's rules.",
    )

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str) else value

    @property
    def environment(self) -> Environment:
        """The environment.

        Raises:
            RecipeError: There is none of that name; the message has the nearest.
        """
        return get_environment(self.kind)

    def identity(self) -> dict[str, Any]:
        """Return what makes two plays the same, in JSON values."""
        return {**self.model_dump(mode="json"), "tools": [tool.model for tool in self.environment.tools]}


def played_in(problem: Problem, spec: PlaySpec | None) -> PlaySpec | None:
    """Return where a problem is played: where the recipe says, if that environment plays such problems, else where its task says.

    A task whose problems need turns has an attribute `environment`, the name of one, or a mapping of the settings of `PlaySpec`;
    it is played there unless the recipe names an environment that is made for it. None stands for one question and one answer.
    """
    own = getattr(get_task(problem.task), "environment", None)
    made_for = spec is not None and problem.task in spec.environment.tasks
    if own is not None and not made_for:
        return PlaySpec.model_validate(own)
    return spec if spec is not None and (made_for or not spec.environment.tasks) else None


class Reply(Protocol):
    """What a model answered in a turn."""

    @property
    def finish_reason(self) -> str:
        """`stop`, `length`, or `error` where it could not be answered."""
        ...


Answered = TypeVar("Answered", bound=Reply)


def play(
    dialogues: Sequence[Dialogue],
    ask: Callable[[Sequence[int], list[list[Message]], list[dict[str, Any]] | None, int], Sequence[Answered]],
    said: Callable[[Answered], str],
    run: RunTool | None = None,
) -> list[Answered]:
    """Play dialogues to their ends.

    Args:
        dialogues: The dialogues, at their start.
        ask: Answers the chats of the dialogues with these numbers, given the tools that they offer and the number of the turn.
        said: What an answer says, without thoughts.
        run: Runs tools; None runs each call of this process once.

    Returns:
        The last answer of each dialogue. One that was cut, or could not be answered, ends its dialogue.
    """
    last: dict[int, Answered] = {}
    turn, playing = 0, list(range(len(dialogues)))
    while playing:
        by_tools: dict[str, list[int]] = {}
        for number in playing:
            by_tools.setdefault(json.dumps(dialogues[number].tools), []).append(number)
        playing = []
        for numbers in by_tools.values():
            chats = [dialogues[number].messages for number in numbers]
            answers = ask(numbers, chats, dialogues[numbers[0]].tools, turn)
            for number, answer in zip(numbers, answers, strict=True):
                last[number] = answer
                if answer.finish_reason == "stop" and take(dialogues[number], said(answer), run or run_once):
                    playing.append(number)
        turn += 1
    return [last[number] for number in range(len(dialogues))]


def take(dialogue: Dialogue, text: str, run: RunTool) -> bool:
    """Give a reply to a dialogue, its tools run, and return whether another is asked for."""
    message = dialogue.read(text)
    environment = dialogue.environment
    results = []
    for call in dialogue.asked(message):
        tool = environment.tool(call.name)
        results.append(environment.run(call) if tool is None else run(tool, call))
    dialogue.take(message, results)
    return dialogue.open


def run_once(tool: Tool, call: ToolCall) -> str:
    """Run a call of a tool; the same call in this process is not run again."""
    return _run(tool, call.arguments)


@lru_cache(maxsize=10_000)
def _run(tool: Tool, arguments: str) -> str:
    return tool.call(arguments)
