"""Step labels by completion: how often a solution that begins like this ends right (process supervision, arXiv:2305.20050).

The paper had people label steps and stop at the first wrong one. Where no derivation is known, completing each prefix
several times estimates the same (as Math-Shepherd does, arXiv:2312.08935): the share that ends right is the soft label, and
a step is right while any completion still does. The first step with none ends the labelling. A completion goes on with the
student's own turn, from the end of the step. Rejected are attempts whose first step never ends right, which says
nothing of the steps, labels against what a rule knows for sure, and those where the step before the first wrong one seldom
ended right either: which of the two is wrong is then not known.
"""

from collections.abc import AsyncIterator, Sequence
from typing import TypedDict

from pydantic import Field

from synth.answers.outcome import Outcome
from synth.calls.models import Models
from synth.methods.base import Params, method, together
from synth.notes import Attempt, StepwiseNotes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.problems.rule import Rule
from synth.problems.steps import prefixes
from synth.sample import Sample

COMPLETIONS = 1.0
"""Temperature of completions where nobody says any, or the model's own is 0; ours."""


class StepLabelsParams(Params):
    """Parameters of `step_labels`."""

    completions: int = Field(8, ge=1, le=64, description="Completions of each prefix; ours.")
    temperature: float | None = Field(
        None,
        ge=0,
        description="Of attempt and completions; None lets the role or its model decide, and completions of a model that would be "
        "greedy are drawn at 1, ours: they have to differ.",
    )
    attempt_tokens: int = Field(512, ge=1, description="Upper bound on the attempt and on each completion; ours.")
    least_before: float = Field(
        0.5, ge=0, le=1, description="Share of completions that the step before the first wrong one must reach; ours."
    )
    most_steps: int = Field(
        16, ge=1, le=200, description="Steps that are labelled at most, which bounds the cost; ours."
    )


class _Options(TypedDict):
    temperature: float | None
    max_tokens: int


async def completion_values(
    problem: Problem,
    models: Models,
    attempt: str,
    steps: Sequence[str],
    *,
    completions: int,
    temperature: float | None,
    max_tokens: int,
) -> list[float]:
    """Value each step by the share of the student's completions from there that end right, up to the first with none.

    Args:
        problem: The problem.
        models: Whose student completes.
        attempt: The attempt, as it was written.
        steps: Its first steps, in order.
        completions: Completions of each prefix.
        temperature: Of the completions; None lets the role or its model decide.
        max_tokens: Upper bound on each.
    """
    task = get_task(problem.task)
    values: list[float] = []
    for begun in prefixes(attempt, steps):
        replies = await together(
            models.student(
                "solve", begun=begun, sample=number, temperature=temperature, differ=COMPLETIONS, max_tokens=max_tokens
            )
            for number in range(completions)
        )
        right = sum(task.check(problem, begun + reply.text).outcome is Outcome.CORRECT for reply in replies)
        values.append(right / completions)
        if right == 0:
            break
    return values


@method(
    "step_labels",
    paper="arXiv:2305.20050",
    makes=("stepwise",),
    roles=("student",),
    params=StepLabelsParams,
    calls=lambda params: {"student": 1 + params.completions * params.most_steps},
    observes=lambda params: frozenset({"answer"}),  # an estimate may differ from a rule; `rule_agrees` says where
)
async def step_labels(problem: Problem, models: Models, params: StepLabelsParams) -> AsyncIterator[Sample]:
    """Each step of a student's attempt is labelled by completing the attempt from there, several times."""
    task = get_task(problem.task)
    options = _Options(temperature=params.temperature, max_tokens=params.attempt_tokens)
    attempt = await models.student("solve", **options)
    steps = task.steps(attempt.text)
    checked = task.check(problem, attempt.text)
    about = Attempt(text=attempt.text, readable=bool(steps) and checked.answer is not None)
    values: list[float] = []
    if about.readable:
        values = await completion_values(
            problem, models, attempt.text, steps[: params.most_steps], completions=params.completions, **options
        )
    labels = [value > 0 for value in values]
    rule = Rule.of(problem, attempt.text)
    by_rule = rule.labels[: len(labels)]
    apart = any(sure is not None and sure != label for sure, label in zip(by_rule, labels, strict=True))
    refused = _refused(values, params.least_before, apart=apart)
    yield Sample(
        kind="stepwise",
        messages=models.messages("solve"),
        steps=steps[: len(values)],
        labels=labels,
        answer=checked.answer,
        attrs={
            "student_model": attempt.model,
            "mc_values": values,
            "completions": params.completions,
            "n_steps": len(steps),
            "first_error_step": labels.index(False) + 1 if False in labels else None,
            "final_label": None if checked.outcome is Outcome.UNVERIFIABLE else checked.outcome is Outcome.CORRECT,
            "label_source": "monte_carlo",
            "rule_labels": list(by_rule) if rule.known else None,
            "rule_agrees": not apart if rule.known else None,
        },
        notes=StepwiseNotes(
            attempt=about,
            refused=refused,
            values=tuple(values),
            complete=attempt.complete,  # a completion that was cut just counts as not right
        ),
        parents=[*(reply.call_id for reply in models.replies[1:]), attempt.call_id],
    )


def _refused(values: Sequence[float], least_before: float, *, apart: bool) -> str | None:
    """Why the labels by these values are not believed; `apart` where they are against a rule."""
    if values and not values[0]:
        return "no_success_at_first_step"
    if apart:
        return "rule_disagrees"
    return "unsure_break" if 0.0 in values and values[values.index(0.0) - 1] < least_before else None
