"""Word problems with one number as the answer: GSM8K, SVAMP and files of that kind.

`Problem.solution` and `attrs` hold nothing but what the data set gave: the raw solution, with its calculator marks
`<<48/2=24>>`, stays in `Problem.solution`; `solve` and `review` clean it when they use it.
"""

from synth.answers.judge import judge
from synth.answers.outcome import Check
from synth.problems import derivation
from synth.problems.base import Problem, Review
from synth.problems.steps import split_steps


class MathWord:
    """The task `math_word`. Its derivation is one of many: a right answer by true equations is never called wrong."""

    name = "math_word"
    abilities = ("steps", "solve", "review")

    def check(self, problem: Problem, response: str) -> Check:
        """Judge the marked final answer against the gold answer (`synth.answers.judge`)."""
        return judge(problem.gold, response, options=problem.attrs.get("options"))

    def steps(self, response: str) -> list[str]:
        """Cut a response into its steps (`synth.problems.steps`)."""
        return split_steps(response)

    def solve(self, problem: Problem) -> str | None:
        """Return the data set's own solution without calculator marks, ending in `#### gold`; None if it has none."""
        if problem.solution is None:
            return None
        steps = [text for text, _ in derivation.derive(problem.solution)]
        return "\n".join([*steps, _answer_line(problem)]) if steps else None

    def review(self, problem: Problem, attempt: str) -> Review | None:
        """Find the first wrong step: a false equation or, when the answer is not right, a result from elsewhere."""
        if problem.solution is None:
            return None
        steps = derivation.derive(problem.solution)
        if not steps:
            return None
        check = self.check(problem, attempt)
        return derivation.review(attempt, steps, _answer_line(problem), check, other_routes=True)


def _answer_line(problem: Problem) -> str:
    return f"#### {problem.gold}"
