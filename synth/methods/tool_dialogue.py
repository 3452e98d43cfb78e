"""A model plays an environment about a problem, and the dialogue is a row: what the environment says is never learned.

Tool-integrated reasoning: arXiv:2309.17452 (ToRA), arXiv:2211.10435 (PAL); a row has OpenAI's tool messages and the tools' schemas.
"""

from collections.abc import AsyncIterator

from pydantic import Field

from synth.calls.models import Models
from synth.environments import Environment, get_environment
from synth.environments.dialogue import Dialogue, Form
from synth.methods.base import Params, method, whole
from synth.methods.drawn import DIFFER
from synth.notes import SftNotes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.sample import Sample


class ToolDialogueParams(Params):
    """Parameters of `tool_dialogue`."""

    environment: str = Field("calculator", description="Which environment is played.")
    turns: int = Field(6, ge=1, le=64, description="Replies at most; ours.")
    form: Form = Field(
        "tools",
        description="How it calls tools: `tools` gives their schemas to the model's chat template (or its server), `text` is plain "
        "text by the environment's rules, for models whose template knows no tools.",
    )
    samples: int = Field(1, ge=1, le=64, description="Dialogues per problem.")
    temperature: float | None = Field(
        None,
        ge=0,
        description="Of each reply; None lets the role or its model decide; several dialogues are drawn at 0.7 (ours) where that "
        "would be greedy.",
    )
    max_tokens: int = Field(512, ge=1, description="Upper bound on a reply; ours.")


@method(
    "tool_dialogue",
    paper="arXiv:2309.17452",
    makes=("sft",),
    roles=("teacher",),
    params=ToolDialogueParams,
    calls=lambda params: {"teacher": params.turns * params.samples},
    rereads=lambda params: params.turns,
    uses=lambda params: _parts(get_environment(params.environment)),
)
async def tool_dialogue(problem: Problem, models: Models, params: ToolDialogueParams) -> AsyncIterator[Sample]:
    """A model solves a problem in turns with a tool; dialogues that end in an answer become rows."""
    environment, task = get_environment(params.environment), get_task(problem.task)
    question = models.messages("solve")
    for number in range(params.samples):
        dialogue = Dialogue(environment, problem, question, seed=number, turns=params.turns, form=params.form)
        parents: list[str] = []
        while dialogue.open:
            reply = await models.teacher.chat(
                dialogue.messages,
                temperature=params.temperature,
                max_tokens=params.max_tokens,
                differ=DIFFER if params.samples > 1 else None,
                sample=number,
                tools=dialogue.tools,
            )
            parents.append(reply.call_id)
            message = dialogue.read(reply.text)
            results = []
            for call in dialogue.asked(message):
                tool = environment.tool(call.name)
                if tool is None:
                    results.append(environment.run(call))
                    continue
                run = await models.run_tool(tool, call)
                parents.append(run.call_id)
                results.append(run.text)
            dialogue.take(message, results)
        yield Sample(
            messages=dialogue.messages,
            response=whole(reply),
            answer=task.check(problem, reply.text).answer if dialogue.done else None,
            tools=dialogue.tools,
            attrs={"environment": environment.name, "turns": dialogue.replies, "reward": dialogue.reward},
            notes=SftNotes(refused=None if dialogue.done else "unfinished_dialogue", complete=reply.complete),
            parents=parents,
        )


def _parts(environment: Environment) -> tuple[object, ...]:
    return (environment, *environment.tools)
