"""Critical steps (ATLaS, arXiv:2503.02197): of a right solution only the steps that decide are learned, the rest is context.

The paper lets a large model name the critical steps of an agent's trajectory. Here a step is critical by how much it changes the
share of completions that end right, which needs no judge. At most 30 % of the steps are, and at least one. `control: true` draws
as many by lot: the paper's own comparison, by which most of what is gained on new tasks comes from learning fewer steps. Train on
them with `mask: critical`. Not here: the paper's four kinds of critical steps, which its selector names.

-- where solutions are decided
select (attrs->'values')::double[] as value_after_each_step, (notes->'critical')::int[] as critical from samples
where method = 'critical_steps' limit 10
"""

from collections.abc import AsyncIterator, Sequence
from itertools import pairwise

import numpy as np
from pydantic import Field

from storage.ids import seed_from
from synth.answers.outcome import Outcome
from synth.calls.ask import Reply
from synth.calls.models import Models
from synth.methods.base import method
from synth.methods.searching import CompletionParams, completed, outcome_of, share_right
from synth.notes import Attempt, StepwiseNotes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.problems.rule import Rule
from synth.problems.steps import prefixes
from synth.sample import Sample


class CriticalStepsParams(CompletionParams):
    """Parameters of `critical_steps`."""

    share: float = Field(0.3, gt=0, le=1, description="Of the steps, critical at most (the paper's 30 %).")
    most_steps: int = Field(
        16, ge=1, le=100, description="Longer solutions are left alone, which bounds the cost; ours."
    )
    seed: int = Field(0, ge=0, description="Of the control, which draws.")
    control: bool = Field(False, description="Draw as many steps by lot instead: the arm that the method has to beat.")


def critical(values: Sequence[float], share: float) -> tuple[int, ...]:
    """Return which steps change the value most, at most `share` of them and at least one, in order.

    Args:
        values: Of the beginning, and after each step; one more than steps.
        share: Largest share of the steps.
    """
    changes = [abs(after - before) for before, after in pairwise(values)]
    many = max(1, int(share * len(changes) + 1e-9))
    ordered = sorted(range(len(changes)), key=lambda step: (-changes[step], step))
    return tuple(sorted(ordered[:many]))


@method(
    "critical_steps",
    paper="arXiv:2503.02197",
    makes=("stepwise",),
    roles=("student",),
    params=CriticalStepsParams,
    calls=lambda params: {"student": params.completions * params.most_steps},
    observes=lambda params: frozenset(
        {"answer"}
    ),  # its labels are estimates; a step that is surely false refuses the row
)
async def critical_steps(problem: Problem, models: Models, params: CriticalStepsParams) -> AsyncIterator[Sample]:
    """Of a right solution of the student those steps are learned that change most how often completions end right."""
    task = get_task(problem.task)
    attempts = await completed(models, params, "")
    right = [reply.complete and outcome_of(problem, reply.text) is Outcome.CORRECT for reply in attempts]
    attempt = attempts[right.index(True) if True in right else 0]
    steps = task.steps(attempt.text)
    begun = prefixes(attempt.text, steps)
    refused = (
        "no_right_solution"
        if True not in right
        else "too_few_steps"
        if len(steps) < 2 or len(begun) < len(steps)
        else "too_many_steps"
        if len(steps) > params.most_steps
        else "false_step"
        if False in Rule.of(problem, attempt.text).labels
        else None
    )
    if refused is not None:
        yield _row(problem, models, attempt, steps, refused=refused)
        return
    values = [sum(right) / len(right)]
    for beginning in begun[:-1]:
        values.append(share_right(problem, beginning, await completed(models, params, beginning)))
    values.append(1.0)
    chosen = critical(values, params.share)
    if params.control:
        rng = np.random.default_rng(seed_from("critical_steps", problem.id, params.seed))
        chosen = tuple(sorted(int(step) for step in rng.choice(len(steps), size=len(chosen), replace=False)))
    yield _row(problem, models, attempt, steps, values=values, chosen=chosen, control=params.control)


def _row(
    problem: Problem,
    models: Models,
    attempt: Reply,
    steps: Sequence[str],
    *,
    values: Sequence[float] = (),
    chosen: tuple[int, ...] = (),
    control: bool = False,
    refused: str | None = None,
) -> Sample:
    """A solution, its critical steps, and the values that they were chosen by."""
    steps = list(steps) or [attempt.text]
    return Sample(
        kind="stepwise",
        messages=models.messages("solve"),
        steps=steps,
        labels=[refused is None] * len(steps),
        answer=get_task(problem.task).check(problem, attempt.text).answer,
        attrs={"values": list(values), "selector": "random" if control else "value"},
        notes=StepwiseNotes(
            attempt=Attempt(text=attempt.text), refused=refused, critical=chosen, complete=attempt.complete
        ),
        parents=[*(reply.call_id for reply in models.replies if reply is not attempt), attempt.call_id],
    )
