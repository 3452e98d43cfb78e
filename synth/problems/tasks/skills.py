"""The task `skills`: word problems composed of skills, whose program says every number on the way."""

from synth.problems.base import Problem
from synth.problems.equations import equations, strip_marks
from synth.problems.steps import content_lines
from synth.problems.tasks.math_word import MathWord


class SkillsTask(MathWord):
    """Checked, solved and reviewed like `math_word`; `shown` says which skills a response uses."""

    name = "skills"

    def shown(self, problem: Problem, response: str) -> list[bool]:
        """Whether an equation of the response comes to what each skill of the problem comes to, in their order."""
        reached = {
            equation.right.value
            for line in content_lines(response)
            for equation in equations(strip_marks(line))
            if equation.left.operators
        }
        return [value in reached for value in problem.attrs["values"]]
