"""Retrospective enhancement (JiuZhang-8B, arXiv:2501.14002): a solution that slips into a later step and takes it back.

No model is asked. A step that comes later is put in an earlier place, the marker takes it back, and the right step follows.
"""

import random
from collections.abc import AsyncIterator, Sequence

from pydantic import Field

from storage.ids import seed_from
from synth.calls.models import Models
from synth.engines.base import RequestRefused
from synth.methods.base import WRONG_TURNS, Params, method
from synth.problems import get_task
from synth.problems.base import Problem
from synth.sample import Sample

BACK = "[back]"


class RetrospectiveEnhancementParams(Params):
    """Parameters of `retrospective_enhancement`."""

    share: float = Field(
        0.3, ge=0, le=1, description="Chance of each step to be preceded by a slip; unpublished, ours."
    )
    most: int = Field(2, ge=1, le=16, description="Slips per solution at most; unpublished, ours.")
    seed: int = Field(0, ge=0, description="Another seed slips elsewhere.")
    marker: str = Field(BACK, pattern=r"^\S(?:.*\S)?$", description="The line that takes a step back.")


def splice(steps: Sequence[str], slips: Sequence[tuple[int, int]], marker: str = BACK) -> list[str]:
    """Put step j, taken back at once, before step i for each slip (i, j)."""
    before = dict(slips)
    lines: list[str] = []
    for index, step in enumerate(steps):
        if index in before:
            lines += [steps[before[index]], marker]
        lines.append(step)
    return lines


def restore(text: str, marker: str = BACK) -> str:
    """Remove each marker with the step that it takes back: the solution that `splice` began with."""
    lines: list[str] = []
    for line in text.split("\n"):
        if line == marker:
            lines.pop()
        else:
            lines.append(line)
    return "\n".join(lines)


def draw_slips(rng: random.Random, steps: int, share: float, most: int) -> list[tuple[int, int]]:
    """Draw where to slip and into which later step; at least once, since a row without a slip would be the gold row."""
    positions = [index for index in range(steps - 1) if rng.random() < share] or [rng.randrange(steps - 1)]
    positions = sorted(rng.sample(positions, min(most, len(positions))))
    return [(position, rng.randrange(position + 1, steps)) for position in positions]


@method(
    "retrospective_enhancement",
    paper="arXiv:2501.14002",
    makes=("sft",),
    params=RetrospectiveEnhancementParams,
    observes=lambda params: WRONG_TURNS,
)
async def retrospective_enhancement(
    problem: Problem, models: Models, params: RetrospectiveEnhancementParams
) -> AsyncIterator[Sample]:
    """A known solution with later steps put too early and taken back; no model is asked."""
    task = get_task(problem.task)
    solution = task.solve(problem)
    if solution is None:
        raise RequestRefused("no_solution", f"problem {problem.id} has no worked solution")
    *steps, answer_line = solution.split("\n")
    if len(steps) < 2:
        raise RequestRefused("too_few_steps", f"the solution of problem {problem.id} has {len(steps)} steps, not two")
    if any(params.marker in step for step in steps):
        raise RequestRefused("marker_in_solution", f"the solution of problem {problem.id} holds {params.marker!r}")
    rng = random.Random(seed_from("retrospective_enhancement", problem.id, params.seed))
    slips = draw_slips(rng, len(steps), params.share, params.most)
    yield Sample(
        messages=models.messages("solve"),
        response="\n".join([*splice(steps, slips, params.marker), answer_line]),
        answer=problem.gold,
        attrs={
            "op": "retro_enh",
            "n_steps": len(steps),
            "slips": [list(slip) for slip in slips],
            "back_positions": [position + 2 * number + 1 for number, (position, _) in enumerate(slips)],
        },
        parents=[],
        origin="rule",
    )
