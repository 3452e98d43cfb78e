"""Instructions and a large model's reasoning before a small model's answer (FIAT, arXiv:2309.04663).

The teacher reasons by an instruction that was engineered for it; the student's row then has this reasoning in its *prompt*, and
learns to say the answer from it (`mode: both`: whoever asks the student later asks the teacher first). With `train` the reasoning
is what is learned, which is distillation; with `none` the answer alone is, which is the control. In `both` the prompt must not
say the answer: the teacher's answer line is cut off, and a row whose reasoning still says the gold answer as its answer is
refused.

    -- what each mode costs its reader: words of prompt and of answer
    select attrs->>'mode' as mode, avg(len(messages::varchar)) as asked, avg(words) from samples where method = 'fiat' group by all
"""

from collections.abc import AsyncIterator
from typing import Literal

from pydantic import Field

from synth.calls.models import Models
from synth.methods.base import Params, method, whole
from synth.methods.writing import text_of
from synth.notes import SftNotes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.sample import Sample


class FiatParams(Params):
    """Parameters of `fiat`."""

    mode: Literal["both", "train", "none"] = Field(
        "both", description="The reasoning before the question later too, learned, or left out (the paper's three)."
    )
    temperature: float | None = Field(None, ge=0, description="Of the teacher; None lets the role or its model decide.")
    max_tokens: int = Field(1024, ge=1, description="Upper bound on its reply; ours.")


@method(
    "fiat",
    paper="arXiv:2309.04663",
    makes=("sft",),
    roles=("teacher",),
    tasks=("arithmetic", "math_word", "knights_knaves", "skills"),
    params=FiatParams,
    rereads=lambda params: 1,
)
async def fiat(problem: Problem, models: Models, params: FiatParams) -> AsyncIterator[Sample]:
    """The teacher reasons; the row shows its reasoning without the answer, which is what is learned."""
    reply = await models.teacher("reason", temperature=params.temperature, max_tokens=params.max_tokens)
    task = get_task(problem.task)
    check = task.check(problem, reply.text)
    reasoning = without_answer(text_of(reply), check.answer)
    fault = "no_answer" if check.answer is None else None
    if params.mode == "both" and fault is None:
        left = task.check(problem, reasoning)
        fault = "no_reasoning" if not reasoning else "reasoning_answers" if left.answer is not None else None
    messages = models.messages("solve")
    response = whole(reply)
    if params.mode != "train":
        response = models.form.write(check.answer) if check.answer is not None else ""
    if params.mode == "both":
        messages = models.messages("with_reasoning", reasoning=reasoning)
    elif params.mode == "none":
        messages = models.messages("short")
    yield Sample(
        messages=messages,
        response=response,
        answer=check.answer,
        attrs={"mode": params.mode, "reasoning_words": len(reasoning.split())},
        notes=SftNotes(refused=fault, complete=reply.complete),
        parents=[reply.call_id],
    )


def without_answer(text: str, answer: str | None) -> str:
    """Return a solution without its last lines from the one on that states the answer; the whole of it where none does."""
    lines = text.rstrip().splitlines()
    while lines and answer is not None and _states(lines[-1], answer):
        lines.pop()
    return "\n".join(lines).strip()


def _states(line: str, answer: str) -> bool:
    """Whether a line marks a final answer, or is empty."""
    marks = ("####", "\\boxed", "the answer is", "final answer", "<answer>")
    return not line.strip() or any(mark in line.casefold() for mark in marks)
