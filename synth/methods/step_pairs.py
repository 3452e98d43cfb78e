"""Step pairs by process rewards (IPR, arXiv:2406.11176): at each step of a known solution the student acts for itself.

The known solution is the expert's trajectory. From each of its steps the student goes on alone; how often completions end right
after the expert's step and after the student's is the reward of both steps. Where the student ends wrong and its step is worth
less, the rest of the expert's solution stands against the rest of the student's. Both halves of a pair begin alike, so that the
beginning cancels in a loss of log-ratios (DPO). Whole trajectories are compared likewise.

-- how much the student's own steps lose, by step
select attrs->>'step' as step, avg((attrs->>'expert_value')::double - (attrs->>'student_value')::double) as lost, count(*)
from samples where method = 'step_pairs' and attrs->>'level' = 'step' group by all order by all
"""

from collections.abc import AsyncIterator, Sequence

from pydantic import Field

from synth.answers.outcome import Outcome
from synth.calls.ask import Reply
from synth.calls.models import Models
from synth.methods.base import method
from synth.methods.searching import CompletionParams, completed, completion, outcome_of, share_right
from synth.notes import Attempt, PreferenceNotes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.problems.steps import prefixes
from synth.sample import Sample


class StepPairsParams(CompletionParams):
    """Parameters of `step_pairs`."""

    completions: int = Field(5, ge=1, le=64, description="Completions that value a step (the released code's 5).")
    step_gap: float = Field(
        0.35, ge=0, lt=1, description="A pair of steps needs values further apart than this (the released code's .35)."
    )
    most_steps: int = Field(12, ge=1, le=100, description="Steps of the known solution that are tried at most; ours.")


@method(
    "step_pairs",
    paper="arXiv:2406.11176",
    makes=("preference",),
    roles=("student",),
    params=StepPairsParams,
    calls=lambda params: {"student": 1 + 2 * params.completions * params.most_steps},
)
async def step_pairs(problem: Problem, models: Models, params: StepPairsParams) -> AsyncIterator[Sample]:
    """At each step of a known solution the student acts for itself; what it loses by that is learned as a pair."""
    task = get_task(problem.task)
    solution = task.solve(problem)
    if not solution:
        return
    expert = models.form.rewrite(solution)
    steps = task.steps(expert)[: params.most_steps]
    begun, own = "", await completed(models, params, "", 1)
    for number, after in enumerate(prefixes(expert, steps), 1):
        last = number == len(steps) == len(task.steps(expert))
        theirs = [] if last else await completed(models, params, after)
        expert_value = 1.0 if last else share_right(problem, after, theirs)
        acted = completion(problem, begun, own[0], task.steps)
        student = begun + own[0].text
        wrong = outcome_of(problem, student) is Outcome.WRONG and own[0].complete
        if number == 1 and wrong:
            yield _pair(problem, models, expert, student, "outcome", own, step=0, values=(1.0, 0.0))
        if wrong and acted.step and acted.prefix.strip() != after.strip():
            tried = [] if acted.ends else await completed(models, params, acted.prefix)
            student_value = 0.0 if acted.ends else share_right(problem, acted.prefix, tried)
            if expert_value - student_value > params.step_gap:
                behind = [own[0], *theirs, *tried]
                values = (expert_value, student_value)
                yield _pair(problem, models, expert, student, "step", behind, step=number, values=values)
        if last:
            return
        begun, own = after, theirs


def _pair(
    problem: Problem,
    models: Models,
    expert: str,
    student: str,
    level: str,
    replies: Sequence[Reply],
    *,
    step: int,
    values: tuple[float, float],
) -> Sample:
    """A pair of trajectories that are the same before the step."""
    return Sample(
        kind="preference",
        messages=models.messages("solve"),
        response=expert,
        rejected=student,
        answer=problem.gold,
        attrs={"level": level, "step": step, "expert_value": values[0], "student_value": values[1]},
        notes=PreferenceNotes(complete=True, attempt=_attempt(problem, student)),
        parents=[reply.call_id for reply in replies],
        origin="gold",
    )


def _attempt(problem: Problem, student: str) -> Attempt:
    """The student's side, which teaches nothing where it has no step or no answer."""
    task = get_task(problem.task)
    return Attempt(text=student, readable=bool(task.steps(student)) and task.check(problem, student).answer is not None)
