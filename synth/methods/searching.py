"""Grow the tree of a problem by asking a model: its completions from a node are the node's children and their values.

Whom the tree asks next depends on the answers alone, so a search that was killed finds its calls in the ledger and goes on where it
was, and the night's budget ends it like anything else.
"""

from collections.abc import Callable, Sequence

from pydantic import Field

from synth.answers.outcome import Outcome
from synth.calls.ask import Reply
from synth.calls.models import Models
from synth.calls.together import together
from synth.methods.base import Params
from synth.methods.drawn import DrawnParams
from synth.methods.search_tree import Completion, Tree
from synth.problems import get_task
from synth.problems.base import Problem
from synth.problems.steps import prefixes

Cut = Callable[[str], Sequence[str]]
"""Cuts a solution into its steps, each as it is written."""


class SearchParams(DrawnParams):
    """What every method that searches lets a recipe say."""

    iterations: int = Field(8, ge=1, le=1000, description="Nodes that are expanded, at most; ours.")
    width: int = Field(3, ge=2, le=64, description="Completions from each of them (CPL's 3).")
    root_width: int = Field(5, ge=2, le=64, description="Completions from the beginning (CPL's 5).")
    depth: int = Field(6, ge=1, le=64, description="Steps after which a path is not expanded any more (CPL's 6).")
    exploration: float = Field(1.25, ge=0, description="Weight of what was seldom looked at (PUCT); ours.")
    max_tokens: int = Field(512, ge=1, description="Upper bound on each completion; ours.")


COMPLETIONS = 1.0
"""Temperature of completions, which have to differ, where nobody says any or the model's own is 0; ours."""


class CompletionParams(Params):
    """What every method that values steps by completions lets a recipe say."""

    completions: int = Field(8, ge=1, le=64, description="Completions that value a step; ours.")
    temperature: float | None = Field(
        None,
        ge=0,
        description="Of each completion; None lets the role or its model decide, and 1 where that would be greedy; ours.",
    )
    max_tokens: int = Field(512, ge=1, description="Upper bound on each completion; ours.")


async def completed(models: Models, params: CompletionParams, begun: str, count: int | None = None) -> list[Reply]:
    """Let the student go on from the end of a step, as often as the parameters say or `count` does."""
    return await together(
        models.student(
            "solve",
            begun=begun,
            sample=number,
            temperature=params.temperature,
            differ=COMPLETIONS,
            max_tokens=params.max_tokens,
        )
        for number in range(count or params.completions)
    )


def share_right(problem: Problem, begun: str, replies: Sequence[Reply]) -> float:
    """Return the share of completions that end right; one that was cut off does not."""
    right = [reply.complete and outcome_of(problem, begun + reply.text) is Outcome.CORRECT for reply in replies]
    return sum(right) / len(right)


def search_calls(params: SearchParams, role: str = "student") -> dict[str, int]:
    """Return the calls of a search by role, at most."""
    return {role: params.root_width + (params.iterations - 1) * params.width}


def outcome_of(problem: Problem, text: str) -> Outcome:
    """Return what the task's checker says of a solution."""
    return get_task(problem.task).check(problem, text).outcome


async def grow(
    problem: Problem,
    models: Models,
    params: SearchParams,
    *,
    role: str = "student",
    prompt: str = "solve",
    cut: Cut | None = None,
) -> Tree:
    """Search the solutions of a problem, for as many expansions as the parameters say or until nothing is left.

    Args:
        problem: The problem.
        models: Whose `role` completes.
        params: Size of the search.
        role: Who completes.
        prompt: What it is asked.
        cut: Cuts a solution into steps; None lets the task do it.
    """
    steps_of = cut or get_task(problem.task).steps
    tree = Tree(exploration=params.exploration, depth=params.depth)
    for iteration in range(params.iterations):
        path = tree.select()
        if path is None:
            break
        begun = path[-1].prefix
        replies = await together(
            getattr(models, role)(prompt, begun=begun, sample=number, **params.sampling)
            for number in range(params.width if iteration else params.root_width)
        )
        tree.expand(path, [completion(problem, begun, reply, steps_of) for reply in replies])
    return tree


def completion(problem: Problem, begun: str, reply: Reply, cut: Cut) -> Completion:
    """Read a reply that goes on with a solution: its next step, and whether the whole of it ends right.

    The last step takes what comes after it, which is the line of the answer. A reply without a step has none.
    """
    whole = begun + reply.text
    right = reply.complete and outcome_of(problem, whole) is Outcome.CORRECT
    ends = prefixes(whole, cut(whole))
    if ends:
        ends[-1] = whole
    after = next((end for end in ends if len(end) > len(begun)), None)
    if after is None:
        return Completion("", whole, True, right, reply.call_id, whole)
    return Completion(after[len(begun) :].strip(), after, after == whole, right, reply.call_id, whole)
