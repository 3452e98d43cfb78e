"""A model plays an environment about a problem, and the dialogue is a row: what the environment says is never learned."""

from collections.abc import AsyncIterator

from pydantic import Field

from synth.calls.models import Models
from synth.environments import get_environment
from synth.methods.base import Params, method
from synth.notes import SftNotes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.sample import Sample


class ToolDialogueParams(Params):
    """Parameters of `tool_dialogue`."""

    environment: str = Field("calculator", description="Which environment is played.")
    turns: int = Field(6, ge=1, le=64, description="Replies at most; ours.")
    samples: int = Field(1, ge=1, le=64, description="Dialogues per problem.")
    temperature: float | None = Field(None, ge=0, description="Of each reply; None lets the role or its model decide.")
    max_tokens: int = Field(512, ge=1, description="Upper bound on a reply; ours.")


@method(
    "tool_dialogue",
    paper="arXiv:2110.14168",
    makes=("sft",),
    roles=("teacher",),
    params=ToolDialogueParams,
    calls=lambda params: {"teacher": params.turns * params.samples},
    rereads=lambda params: params.turns,
    uses=lambda params: (get_environment(params.environment),),
)
async def tool_dialogue(problem: Problem, models: Models, params: ToolDialogueParams) -> AsyncIterator[Sample]:
    """A model solves a problem in turns with a tool; dialogues that end in an answer become rows."""
    environment, task = get_environment(params.environment), get_task(problem.task)
    for number in range(params.samples):
        state = environment.start(problem, seed=number)
        *before, question = models.messages("solve")
        messages = [*before, {**question, "content": f"{question['content']}\n\n{environment.rules}"}]
        parents: list[str] = []
        while True:
            reply = await models.teacher.chat(
                messages, temperature=params.temperature, max_tokens=params.max_tokens, sample=number
            )
            parents.append(reply.call_id)
            turn = environment.step(state, {"role": "assistant", "content": reply.text})
            if turn.done or len(parents) == params.turns:
                break
            state = turn.state
            messages += [{"role": "assistant", "content": reply.text}, *turn.messages]
        yield Sample(
            messages=messages,
            response=reply.text,
            answer=task.check(problem, reply.text).answer if turn.done else None,
            attrs={
                "environment": environment.name,
                "turns": len(parents),
                "reward": turn.reward,
            },
            notes=SftNotes(refused=None if turn.done else "unfinished_dialogue", complete=reply.complete),
            parents=parents,
        )
