"""Journeys (O1 Replication Journey, part 1, arXiv:2410.18982): a solution with its wrong turns, and why each was left.

The student's completions make a tree. Along the path to a right end, wrong steps beside it are walked first, as in a depth-first
traversal with few tries per node: the step, then why it is left, in a sentence of the teacher's, then the right step. The teacher
writes that draft again as fluent thought; a rewriting that loses steps or reflections is refused. `control: true` teaches the same
path without wrong turns (the paper's shortcut). Not here: the step-wise reward model; a step is wrong where a rule says so, or
where no completion through it ended right. The rewriting's limits are ours.

-- what was walked
select attrs->>'n_wrong_nodes' as wrong_turns, count(*), avg(length(response)) from samples where method = 'journey' group by all
"""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from pydantic import Field

from synth.calls.ask import Reply
from synth.calls.models import Models
from synth.calls.together import together
from synth.methods.base import WRONG_TURNS, method
from synth.methods.search_tree import Node, Tree
from synth.methods.searching import SearchParams, grow, search_calls
from synth.notes import SftNotes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.problems.equations import false_equation
from synth.problems.rule import Rule
from synth.sample import Sample

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_REFLECTION = re.compile(
    r"\b(?:wait|wrong|mistake|incorrect|not right|back|instead|error|actually|reconsider)\b", re.IGNORECASE
)
KEPT = 0.9
LENGTHS = (0.7, 2.0)


class JourneyParams(SearchParams):
    """Parameters of `journey`."""

    depth: int = Field(12, ge=1, le=64, description="Steps after which a path is not expanded any more; ours.")
    wrong_tries: int = Field(1, ge=0, le=8, description="Wrong steps that are walked at each node, at most; ours.")
    most_wrong: int = Field(4, ge=0, le=32, description="Wrong steps of a journey, at most; ours.")
    rewrite: bool = Field(
        True, description="The teacher writes the draft again as fluent thought (the paper's last step)."
    )
    control: bool = Field(False, description="Teach the path without its wrong turns: the paper's shortcut.")


@dataclass(frozen=True)
class Turn:
    """A wrong step beside the path: where it branches off, and the step itself."""

    before: str
    node: Node


def wrong_turns(problem: Problem, tree: Tree, leaf: Node, params: JourneyParams) -> list[Turn]:
    """Return the wrong steps that are walked before each step of the path, in order.

    A step is wrong where a rule knows it, or where it was completed more than once and never rightly.
    """
    turns: list[Turn] = []
    parent = tree.root
    for node in tree.path(leaf):
        beside = [child for child in parent.children if child is not node and _wrong(problem, child)]
        turns += [Turn(parent.prefix, child) for child in beside[: params.wrong_tries]]
        parent = node
    return turns[: params.most_wrong]


def _wrong(problem: Problem, node: Node) -> bool:
    step = node.prefix.strip()
    labels = Rule.of(problem, step).labels
    if labels and labels[-1] is not None:
        return labels[-1] is False
    return node.visits > 1 and node.wins == 0


def draft(path: Sequence[Node], turns: Sequence[Turn], reasons: Sequence[str]) -> str:
    """Write the path with its wrong turns: each before the step that was right, with why it was left."""
    lines: list[str] = []
    before = ""
    for node in path:
        for turn, reason in zip(turns, reasons, strict=True):
            if turn.before == before:
                lines += [_step_alone(turn), f"Wait, that is not right. {' '.join(reason.split())}"]
        lines.append(node.prefix[len(before) :].strip("\n"))
        before = node.prefix
    return "\n".join(lines)


def _step_alone(turn: Turn) -> str:
    """The wrong step without the answer that came after it where it was the last one."""
    steps = get_task("math_word").steps(turn.node.prefix[len(turn.before) :])
    return steps[0] if steps else turn.node.step


def loses(written: str, original: str, reflections: int) -> bool:
    """Whether a rewriting lost numbers, reflections or most of the text of its draft, or adds too much."""
    numbers = set(_NUMBER.findall(original))
    kept = len(numbers & set(_NUMBER.findall(written))) / max(1, len(numbers))
    size = len(written.split()) / max(1, len(original.split()))
    return kept < KEPT or not LENGTHS[0] <= size <= LENGTHS[1] or len(_REFLECTION.findall(written)) < reflections


def taken_back(written: str, turns: Sequence[Turn]) -> tuple[str, ...]:
    """Return the lines that hold the false equations of the wrong steps, which the text takes back itself."""
    false = {reason for turn in turns if (reason := false_equation(turn.node.step))}
    return tuple(line for line in written.splitlines() if false_equation(line) in false)


@method(
    "journey",
    paper="arXiv:2410.18982",
    makes=("sft",),
    roles=("student", "teacher"),
    params=JourneyParams,
    calls=lambda params: {**search_calls(params), "teacher": params.most_wrong + params.rewrite},
    observes=lambda params: WRONG_TURNS,
)
async def journey(problem: Problem, models: Models, params: JourneyParams) -> AsyncIterator[Sample]:
    """A right solution with wrong steps that were tried, why each was left, and the step that was right instead."""
    tree = await grow(problem, models, params)
    leaves = tree.leaves(right=True)
    if not leaves:
        ends = tree.leaves(right=False)
        yield _row(problem, models, tree, ends[0].prefix if ends else "", (), refused="no_right_path")
        return
    leaf = leaves[0]
    path = tree.path(leaf)
    turns = [] if params.control else wrong_turns(problem, tree, leaf, params)
    if not params.control and not turns:
        yield _row(problem, models, tree, leaf.prefix, (), refused="no_wrong_turn", last=leaf.call_ids[0])
        return
    reflections = await together(
        models.teacher("reflect", before=turn.before.strip(), step=_step_alone(turn), sample=number)
        for number, turn in enumerate(turns)
    )
    text = draft(path, turns, [reply.text for reply in reflections])
    complete, refused, written = all(reply.complete for reply in reflections), None, text
    replies: list[Reply] = list(reflections)
    if params.rewrite and turns:
        reply = await models.teacher("rewrite", draft=text, max_tokens=2 * params.max_tokens)
        written, complete = reply.text, complete and reply.complete
        replies.append(reply)
        refused = "rewrite_loses_steps" if loses(written, text, len(turns)) else None
    last = replies[-1].call_id if replies else leaf.call_ids[0]
    yield _row(problem, models, tree, written, turns, refused=refused, last=last, complete=complete)


def _row(
    problem: Problem,
    models: Models,
    tree: Tree,
    text: str,
    turns: Sequence[Turn],
    *,
    refused: str | None,
    last: str | None = None,
    complete: bool = True,
) -> Sample:
    """A journey, with the tree that it comes from."""
    parents = [reply.call_id for reply in models.replies]
    return Sample(
        messages=models.messages("solve"),
        response=text,
        answer=get_task(problem.task).check(problem, text).answer,
        attrs={"n_wrong_nodes": len(turns)},
        notes=SftNotes(refused=refused, complete=complete, taken_back=taken_back(text, turns), tree=tree.noted()),
        parents=parents if last is None else [*(parent for parent in parents if parent != last), last],
    )
