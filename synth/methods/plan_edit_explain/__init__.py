"""Plan, edit, explain, repeat (PEER, arXiv:2208.11663): a draft is mended in small edits, each planned before and explained after.

The paper's PEER-Undo makes worse drafts of good texts and learns the way back. Here a rule undoes: a known solution gets one to
three typed faults (a wrong result, a wrong sign, a missing step), and the row mends them one by one. The explanation of a false
equation is what the rule computes. No model is asked. Not here: texts with a history of edits and documents
that are cited, which the paper learns from first.

-- faults by kind
select unnest((attrs->'faults')::varchar[]) as fault, count(*) from samples where method = 'plan_edit_explain' group by all
"""

import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from pydantic import Field

from storage.ids import seed_from
from synth.calls.models import Models
from synth.engines.base import Message
from synth.methods.base import WRONG_TURNS, Params, method
from synth.notes import SftNotes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.problems.equations import false_equation
from synth.sample import Sample

SIGNS = ("+", "-", "*")


class PlanEditExplainParams(Params):
    """Parameters of `plan_edit_explain`."""

    most_faults: int = Field(3, ge=1, le=8, description="Faults of a draft, at most; ours.")
    seed: int = Field(0, ge=0, description="Another seed makes other faults.")


@dataclass(frozen=True)
class Edit:
    """One edit of a draft: a line that is replaced, or put in where `old` is None.

    Attributes:
        fault: Its kind: `wrong_result`, `wrong_sign` or `missing_step`.
        line: Number of the line in the draft that it mends, from 0.
        old: The line before; None where it is missing.
        new: The line after.
        why: What was wrong, in a sentence.
    """

    fault: str
    line: int
    old: str | None
    new: str
    why: str

    def apply(self, draft: Sequence[str]) -> list[str]:
        """Return the draft with the edit made."""
        return [*draft[: self.line], self.new, *draft[self.line + (self.old is not None) :]]

    def written(self) -> str:
        """The edit as a row teaches it: plan, edit, explanation."""
        if self.old is None:
            plan, edit = f"Put the missing step before line {self.line + 1}.", f"+ {self.new}"
        else:
            plan, edit = f"Mend line {self.line + 1}.", f"- {self.old}\n+ {self.new}"
        return f"Plan: {plan}\nEdit:\n{edit}\nWhy: {self.why}"


def undo(lines: Sequence[str], rng: random.Random, faults: int) -> tuple[list[str], list[Edit]]:
    """Make a worse draft of a solution's lines, and the edits that lead back, in the order in which they are made.

    Each fault is in a line of its own; fewer are made where no line is left for them. The line of the answer stays. A step is left
    out only where the next one uses its value and is there.
    """
    draft, edits = list(lines), list[Edit]()
    gone: set[int] = set()
    places = list(range(len(lines) - 1))
    rng.shuffle(places)
    for place in sorted(places[:faults], reverse=True):  # from the end, so that numbers of earlier lines stay true
        kinds = ["wrong_result", "wrong_sign"]
        if place + 1 < len(lines) - 1 and place + 1 not in gone and _uses(lines[place + 1], lines[place]):
            kinds.append("missing_step")
        rng.shuffle(kinds)
        edit = next(filter(None, (_fault(kind, lines[place], place, rng) for kind in kinds)), None)
        if edit is not None:
            draft[place : place + 1] = [] if edit.old is None else [edit.old]
            edits.append(edit)
            gone |= {place} if edit.old is None else set()
    return draft, edits[::-1]


def _uses(line: str, before: str) -> bool:
    """Whether a step takes up the value that the one before it reaches."""
    return before.rpartition(" = ")[2] in line.rpartition(" = ")[0].split(" ")


def _fault(kind: str, line: str, place: int, rng: random.Random) -> Edit | None:
    """A fault of a kind in a line `a sign b = c`; None where it cannot be made, or would not be seen."""
    left, equals, value = line.rpartition(" = ")
    if kind == "missing_step":
        return Edit(kind, place, None, line, f"{value} is used and comes from nowhere.")
    if not equals or not value.lstrip("-").isdecimal():
        return None
    if kind == "wrong_result":
        worse = f"{left} = {int(value) + rng.choice([-2, -1, 1, 2, 10])}"
    else:
        first, sign, second = [*left.split(" "), "", ""][:3]
        if sign not in SIGNS or left.count(" ") != 2:
            return None
        worse = f"{first} {rng.choice([other for other in SIGNS if other != sign])} {second} = {value}"
    why = false_equation(worse)
    return None if why is None else Edit(kind, place, worse, line, why)


@method(
    "plan_edit_explain",
    paper="arXiv:2208.11663",
    makes=("sft",),
    params=PlanEditExplainParams,
    observes=lambda params: WRONG_TURNS,
)
async def plan_edit_explain(problem: Problem, models: Models, params: PlanEditExplainParams) -> AsyncIterator[Sample]:
    """A draft with faults is mended in edits, each planned and explained, until it is the known solution; no model is asked."""
    solution = get_task(problem.task).solve(problem)
    if not solution or len(solution.splitlines()) < 2:
        return
    rng = random.Random(seed_from("plan_edit_explain", problem.id, params.seed))
    lines = models.form.rewrite(solution).splitlines()
    draft, edits = undo(lines, rng, rng.randint(1, params.most_faults))
    if not edits:
        return
    asked: list[Message] = models.messages("mend", draft="\n".join(draft))
    response = "\n\n".join([*(edit.written() for edit in edits), "Nothing is left to mend.\n" + "\n".join(lines)])
    taken_back = tuple(f"- {edit.old}" for edit in edits if edit.old is not None)
    yield Sample(
        messages=asked,
        response=response,
        answer=problem.gold,
        attrs={"faults": [edit.fault for edit in edits], "draft": draft},
        notes=SftNotes(complete=True, taken_back=taken_back),
        origin="rule",
        parents=[],
    )
