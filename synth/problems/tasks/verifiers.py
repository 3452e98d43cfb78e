"""The task `verifiers`: a reply to a task of an installed taskset of verifiers, scored by the taskset's own rewards."""

from synth.answers.judge import NO_ANSWER
from synth.answers.outcome import Check, Outcome
from synth.answers.responses.thoughts import without_thoughts
from synth.problems.base import Problem, Review
from synth.problems.steps import split_steps
from synth.problems.tasksets.library import score

TOO_LITTLE = "too_little_reward"
SCORER_FAILED = "scorer_failed"


class VerifiersTask:
    """Scores the whole response behind the thoughts: right from the reward that its source names on, else wrong."""

    name = "verifiers"
    abilities = ("steps",)
    answer_format = "own"
    version = "verifiers1"

    def check(self, problem: Problem, response: str) -> Check:
        """Score a response; where scoring fails it is unverifiable.

        Raises:
            RecipeError: verifiers or the taskset is not installed.
        """
        text, thinking = without_thoughts(response)
        text = text.strip()
        if thinking or not text:
            return Check(Outcome.WRONG, None, NO_ANSWER)
        reward = score(problem.attrs["taskset"], problem.attrs["data"], text)
        if reward is None:
            return Check(Outcome.UNVERIFIABLE, text[:200], SCORER_FAILED, text[:200])
        if reward >= problem.attrs["right_at"]:
            return Check(Outcome.CORRECT, text[:200], None, text[:200])
        return Check(Outcome.WRONG, text[:200], TOO_LITTLE, text[:200])

    def steps(self, response: str) -> list[str]:
        """Cut a response into its steps (`synth.problems.steps`)."""
        return split_steps(response)

    def solve(self, problem: Problem) -> str | None:
        """Return None: the library gives no derivations."""
        return None

    def review(self, problem: Problem, attempt: str) -> Review | None:
        """Return None: no derivation is known."""
        return None
