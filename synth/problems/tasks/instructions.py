"""The task `instructions`: a response is right when it keeps every constraint of its prompt, which a program decides."""

from synth.answers.judge import NO_ANSWER
from synth.answers.outcome import Check, Outcome
from synth.answers.responses.thoughts import without_thoughts
from synth.problems.base import Problem, Review
from synth.problems.instructions.constraints import kept, sentences

BROKEN_CONSTRAINT = "broken_constraint"


class InstructionsTask:
    """Checks the whole response behind the thoughts; nothing of it is undecided."""

    name = "instructions"
    abilities = ("steps",)
    answer_format = "whole"
    version = "instructions1"

    def check(self, problem: Problem, response: str) -> Check:
        """Check each constraint; the answer names those that are broken."""
        text, thinking = without_thoughts(response)
        text = text.strip()
        if thinking or not text:
            return Check(Outcome.WRONG, None, NO_ANSWER)
        broken = [name for name, values in problem.attrs["constraints"] if not kept(name, values, text)]
        if broken:
            return Check(Outcome.WRONG, f"breaks {', '.join(broken)}", BROKEN_CONSTRAINT, text[:200])
        return Check(Outcome.CORRECT, "keeps all", None, text[:200])

    def steps(self, response: str) -> list[str]:
        """Cut a response into its sentences."""
        return sentences(response)

    def solve(self, problem: Problem) -> str | None:
        """Return None: a response is written by a model."""
        return None

    def review(self, problem: Problem, attempt: str) -> Review | None:
        """Return None: a constraint is kept by a whole, not by steps."""
        return None
