"""What a problem is, and what a task (a kind of problem) can do with one.

A *task* knows how to check an answer, how to cut an attempt into steps and, where a derivation is known, how to solve
a problem and find the first wrong step of an attempt. A *source* (see `synth.problems.sources`) draws problems.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from storage.ids import digest
from synth.answers.outcome import Check, Outcome

GoldSource = Literal["data", "rule", "vote", "judge", "model", "none"]
"""Where a gold answer comes from: the data set, a rule that made the problem, the vote of several answers, a judge's choice among
them, a model that wrote the problem or solved it too; or nowhere."""


@dataclass(frozen=True, slots=True)
class Review:
    """What a rule finds in an attempt: the tutor's view, exact because the derivation is known.

    Attributes:
        outcome: Outcome of the attempt's final answer.
        steps: The attempt cut into its steps, in order.
        labels: One entry per step: True where it is right, False where it is surely wrong (a false equation) or comes after
            such a step, None where neither is sure. A true step outside the one known derivation of many is not surely
            wrong, nor are the steps after it; what is not sure is never taught.
        first_wrong: Index into `steps` of the first step that is not known to be right; None when every step is right. Equal
            to `len(steps)` when every step is right so far but the attempt stops short or answers wrongly.
        explanation: One sentence on why that step is wrong; empty when nothing is.
        correction: The right steps from there to the final answer line, in order; empty when nothing is wrong.
    """

    outcome: Outcome
    steps: tuple[str, ...]
    labels: tuple[bool | None, ...]
    first_wrong: int | None
    explanation: str = ""
    correction: tuple[str, ...] = ()

    @property
    def sure(self) -> bool:
        """Whether every step is known to be right or wrong."""
        return None not in self.labels


@dataclass(frozen=True)
class Problem:
    """One question with a checkable answer.

    Attributes:
        task: Name of the task that can check it (`arithmetic`, `knights_knaves`, `math_word`).
        source: Where it comes from (a recipe's source name, for example `gsm8k`).
        prompt: The question, as text, without instructions to a model.
        gold: The final answer as text; it verifies against itself. Empty where nobody knows it.
        structure: Canonical structure as text. Two problems are the same problem, up to names and wording, exactly
            when their structures are equal. Held-out sets and exact duplicates are decided by it.
        tier: Difficulty, 1 is easiest; for puzzles the number of people.
        solution: A worked solution (a data set's own, or by rule); None when there is none.
        license: SPDX identifier or `unknown`.
        attrs: What else the task needs to check, solve and review it. JSON values only.
        gold_source: Where the gold answer comes from; `none` where there is none.
    """

    task: str
    source: str
    prompt: str
    gold: str
    structure: str
    tier: int = 1
    solution: str | None = None
    license: str = "unknown"
    attrs: Mapping[str, Any] = field(default_factory=dict)
    gold_source: GoldSource = "data"

    def __post_init__(self) -> None:
        if not self.gold and self.gold_source != "none":
            object.__setattr__(self, "gold_source", "none")

    @property
    def id(self) -> str:
        """Content identity: task, prompt and gold answer. The same question from two sources is one problem."""
        return digest("problem", self.task, self.prompt, self.gold)

    @property
    def structure_id(self) -> str:
        """Digest of the canonical structure within the task."""
        return digest("structure", self.task, self.structure)


class Task(Protocol):
    """A kind of problem. Implementations are stateless; one instance per kind, found by `name`.

    One whose `check` decides more than the judge of answers does has an attribute `version`, which changes with its outcomes
    (`synth.problems.checker_version`). One whose final answers need a form of their own has an attribute `answer_format`
    (`hash`, `boxed`, `phrase`, `tags`, `code`, `whole` or `own`), which wins over the recipe's. `abilities` names what it
    really does of `steps`, `solve` and `review`, for `nightschool tasks`. One that can make a problem like another has a method
    `variant(problem, rng) -> Problem | None` (`synth.problems.variants_of`).
    """

    @property
    def name(self) -> str:
        """The field's word for it; used in recipes, rows and reports."""
        ...

    def check(self, problem: Problem, response: str) -> Check:
        """Check the final answer of a response. Never raises on model text."""
        ...

    def steps(self, response: str) -> list[str]:
        """Cut a response into its steps (the final answer line is not a step)."""
        ...

    def solve(self, problem: Problem) -> str | None:
        """Write a short correct worked solution by rule, ending in the answer line; None when no derivation is known."""
        ...

    def review(self, problem: Problem, attempt: str) -> Review | None:
        """Find the first wrong step of an attempt by rule; None when no derivation is known. Never raises on model text."""
        ...


class Source(Protocol):
    """Draws problems. The same arguments give the same problems in the same order.

    A source that makes new problems for every seed says so with an attribute `procedural = True`: each promotion is then
    decided by items that nobody has looked at.
    """

    def draw(
        self, limit: int, *, seed: int, tier: int | None = None, exclude: frozenset[str] = frozenset()
    ) -> Sequence[Problem]:
        """Draw up to `limit` problems with distinct structures.

        Args:
            limit: How many; a file source gives fewer when it has fewer.
            seed: Seed of a generator; a file keeps its own order.
            tier: Only problems of this tier; None leaves the choice to the source.
            exclude: Structure ids that must not be drawn (held-out sets).

        Raises:
            ProblemError: The source is missing, broken or empty (with its line number), or a gold answer does not
                verify against itself.
        """
        ...
