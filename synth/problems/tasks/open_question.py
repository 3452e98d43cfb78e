"""The task `open_question`: a question of a person that no program can answer, such as one from a chat log."""

from synth.answers.judge import NO_ANSWER, NO_GOLD
from synth.answers.outcome import Check, Outcome
from synth.answers.responses.thoughts import without_thoughts
from synth.problems.base import Problem, Review
from synth.problems.instructions.constraints import sentences


class OpenQuestion:
    """No answer to it is ever called right, and none wrong but the one that says nothing."""

    name = "open_question"
    abilities = ("steps",)
    answer_format = "whole"
    version = "open1"

    def check(self, problem: Problem, response: str) -> Check:
        """Say that nobody knows, or that there is no answer."""
        text, thinking = without_thoughts(response)
        if thinking or not text.strip():
            return Check(Outcome.WRONG, None, NO_ANSWER)
        return Check(Outcome.UNVERIFIABLE, None, NO_GOLD, text.strip()[:200])

    def steps(self, response: str) -> list[str]:
        """Cut a response into its sentences."""
        return sentences(response)

    def solve(self, problem: Problem) -> str | None:
        """Return None: a model answers."""
        return None

    def review(self, problem: Problem, attempt: str) -> Review | None:
        """Return None: nobody knows."""
        return None
