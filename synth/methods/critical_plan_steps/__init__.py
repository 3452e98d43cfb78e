"""Critical plan steps (CPL, arXiv:2409.08642): a search over plans, whose steps are words about what to do, not calculations.

The student writes a plan and then a solution after it. The tree's nodes are steps of the plan; a solution is one node, so that
what is searched are strategies. Rows: right solutions with their plans, four per problem at most; and pairs of siblings of which
one mostly ends right and the other mostly wrong, with the difference of their values as a margin (Step-APO, the loss `step_apo`).
Here both halves of a pair go on to the end of a solution; the paper's stop after the step, which teaches a model that writes whole
replies to stop there. Not here: the value model that guides the paper's second round.

-- by how much siblings differ
select (notes->>'margin')::double as margin, attrs->>'level' as level, count(*) from samples
where method = 'critical_plan_steps' and kind = 'preference' group by all order by all
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import ClassVar

import numpy as np
from pydantic import Field

from storage.ids import seed_from
from synth.calls.models import Models
from synth.methods.base import method
from synth.methods.search_tree import Node, Tree
from synth.methods.searching import SearchParams, grow, search_calls
from synth.notes import PreferenceNotes, SftNotes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.sample import Sample

_HEADING = re.compile(r"^[ \t#*_>-]*solution[ \t*_]*:?[ \t*_]*$", re.IGNORECASE | re.MULTILINE)
_PLAN = re.compile(r"^[ \t#*_>-]*plan[ \t*_]*:?[ \t*_]*$", re.IGNORECASE)
OF_SOLUTIONS = 0.3
"""Weight of the values of two solutions of one plan (the paper's .3)."""


class CriticalPlanStepsParams(SearchParams):
    """Parameters of `critical_plan_steps`."""

    essential: ClassVar[Mapping[str, float]] = {"temperature": 0.7}
    """Of each completion (the paper)."""

    iterations: int = Field(20, ge=1, le=1000, description="Nodes that are expanded, at most; ours (the paper's 200).")
    max_tokens: int = Field(1024, ge=1, description="Upper bound on each completion; ours (the paper's 1,500).")
    paths: int = Field(4, ge=0, le=64, description="Right solutions that are learned, at most (the paper's 4).")
    most_pairs: int = Field(8, ge=0, le=256, description="Pairs of a problem, those with the widest margins; ours.")
    seed: int = Field(0, ge=0, description="Of which right solutions are taken.")


def plan_steps(text: str) -> list[str]:
    """Cut a reply into the steps of its plan, one a line, and its solution, which is one step. None where it has no solution."""
    heading = _HEADING.search(text)
    if heading is None:
        return []
    steps = [line.strip() for line in text[: heading.start()].splitlines()]
    return [*(step for step in steps if step and not _PLAN.match(step)), text[heading.start() :].strip()]


def sibling_pairs(tree: Tree) -> list[tuple[Node, Node, float]]:
    """Return siblings of which the first has a value above 0 and the second below, with the difference of their values.

    Of the solutions of one plan only the best and the worst are a pair, and their values count `OF_SOLUTIONS` times.
    """
    pairs: list[tuple[Node, Node, float]] = []
    for node in tree.nodes():
        ends = sorted((child for child in node.children if child.ends), key=lambda child: -child.q)
        if len(ends) > 1 and ends[0].q > 0 > ends[-1].q:
            pairs.append((ends[0], ends[-1], OF_SOLUTIONS * (ends[0].q - ends[-1].q)))
        steps = [child for child in node.children if not child.ends]
        pairs += [(good, bad, good.q - bad.q) for good in steps for bad in steps if good.q > 0 > bad.q]
    return sorted(pairs, key=lambda pair: (-pair[2], pair[0].number, pair[1].number))


@method(
    "critical_plan_steps",
    paper="arXiv:2409.08642",
    makes=("sft", "preference"),
    roles=("student",),
    params=CriticalPlanStepsParams,
    calls=search_calls,
)
async def critical_plan_steps(
    problem: Problem, models: Models, params: CriticalPlanStepsParams
) -> AsyncIterator[Sample]:
    """A search over plans: right solutions with their plans, and pairs of plan steps of which one mostly ends right."""
    tree = await grow(problem, models, params, prompt="plan", cut=plan_steps)
    right = tree.leaves(right=True)
    rng = np.random.default_rng(seed_from("critical_plan_steps", problem.id, params.seed))
    taken = [right[number] for number in sorted(rng.permutation(len(right))[: params.paths])]
    if not taken:
        ends = tree.leaves(right=False)
        yield _solution(problem, models, ends[0] if ends else tree.root, tree, refused="no_right_path")
    for number, leaf in enumerate(taken):
        yield _solution(problem, models, leaf, None if number else tree)
    for good, bad, margin in sibling_pairs(tree)[: params.most_pairs]:
        yield _pair(problem, models, good, bad, margin)


def _solution(problem: Problem, models: Models, leaf: Node, tree: Tree | None, refused: str | None = None) -> Sample:
    """A plan with its solution; the first of a problem keeps the tree."""
    return Sample(
        messages=models.messages("plan"),
        response=leaf.prefix,
        answer=get_task(problem.task).check(problem, leaf.prefix).answer,
        attrs={"node": leaf.number},
        notes=SftNotes(refused=refused, complete=True, tree=() if tree is None else tree.noted()),
        parents=_parents(models, leaf),
    )


def _pair(problem: Problem, models: Models, good: Node, bad: Node, margin: float) -> Sample:
    """Two solutions that part where one of the siblings is taken."""
    chosen, rejected = good.whole[True], bad.whole[False]
    return Sample(
        kind="preference",
        messages=models.messages("plan"),
        response=chosen,
        rejected=rejected,
        answer=get_task(problem.task).check(problem, chosen).answer,
        attrs={
            "level": "solution" if good.ends else "step",
            "chosen_node": good.number,
            "rejected_node": bad.number,
            "chosen_q": good.q,
            "rejected_q": bad.q,
        },
        notes=PreferenceNotes(complete=True, margin=round(margin, 6)),
        parents=_parents(models, good),
    )


def _parents(models: Models, node: Node) -> Sequence[str]:
    """Every call of the search; one of those that take the node last, which names the model."""
    calls = [reply.call_id for reply in models.replies]
    last = node.call_ids[0] if node.call_ids else calls[-1]
    return [*(call for call in calls if call != last), last]
