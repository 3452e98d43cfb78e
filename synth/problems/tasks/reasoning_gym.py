"""The task `reasoning_gym`: the library's own scorers decide, and only the whole point is correct."""

from synth.answers.judge import NO_ANSWER, UNFINISHED_ANSWER, UNMARKED_ANSWER, UNPARSABLE_ANSWER, WRONG_ANSWER
from synth.answers.outcome import Check, Outcome
from synth.answers.parsing.typography import MAX_ANSWER
from synth.answers.responses.reading import State, read_answer
from synth.problems.base import Problem, Review
from synth.problems.reasoning_gym.reading import tagged_answer
from synth.problems.reasoning_gym.scoring import score_answer
from synth.problems.reasoning_gym.table import surveyed_version
from synth.problems.steps import split_steps

_UNREAD = {
    State.NONE: Check(Outcome.WRONG, None, NO_ANSWER),
    State.UNFINISHED: Check(Outcome.UNVERIFIABLE, None, UNFINISHED_ANSWER),
    State.UNMARKED: Check(Outcome.UNVERIFIABLE, None, UNMARKED_ANSWER),
}


class ReasoningGymTask:
    """Checks answers to problems of reasoning-gym; it knows no derivation."""

    name = "reasoning_gym"
    abilities = ("steps",)
    answer_format = "tags"
    version = f"rg{surveyed_version()}.1"

    def check(self, problem: Problem, response: str) -> Check:
        """Score the marked final answer: correct at 1, wrong below.

        An answer that holds the gold answer and more, and for which the scorer gives not all, is unverifiable; so is one on
        which the scorer fails or takes too long.
        """
        answer = tagged_answer(response)
        if answer is None:
            reading = read_answer(response)
            if reading.state is not State.READ:
                return _UNREAD[reading.state]
            answer = (reading.part if "\n" in problem.gold else reading.text).strip()
        shown = answer[:MAX_ANSWER]
        score = score_answer(problem, answer)
        if score is not None and score >= 1:
            return Check(Outcome.CORRECT, shown, None, shown)
        if score is None or (problem.gold in answer and len(problem.gold) > 1):
            return Check(Outcome.UNVERIFIABLE, shown, UNPARSABLE_ANSWER, shown)
        return Check(Outcome.WRONG, shown, WRONG_ANSWER, shown)

    def steps(self, response: str) -> list[str]:
        """Cut a response into its steps (`synth.problems.steps`)."""
        return split_steps(response)

    def solve(self, problem: Problem) -> str | None:
        """Return None: the library gives answers without derivations."""
        return None

    def review(self, problem: Problem, attempt: str) -> Review | None:
        """Return None: no derivation is known."""
        return None
