"""The solver: a rule-based teacher for problems whose derivation is known.

It solves, finds the first wrong step of an attempt, explains and corrects it. Its rows carry its own model id, so they can
never pass for model output. It answers in the forms that the prompts ask real models for, so methods read both alike.
"""

from collections.abc import Callable

from synth.answers.outcome import Outcome
from synth.engines.base import Answer, Request, RequestRefused
from synth.problems import get_task
from synth.problems.base import Review


class Solver:
    """Answers the acts `solve`, `correct` and `critique` by rule, at no cost."""

    model = "solver@2"
    """Raise the number when an answer to the same question changes."""
    concurrency = 256
    reads_problem = True

    async def answer(self, request: Request) -> Answer:
        """Answer by rule.

        Raises:
            RequestRefused: No derivation is known for the problem, or the act is none of the solver's.
        """
        act = _ACTS.get(request.act)
        if act is None:
            raise RequestRefused("unknown_act", f"the solver cannot {request.act!r}; it can {', '.join(sorted(_ACTS))}")
        return Answer(act(request), "stop")

    async def close(self) -> None:
        """Nothing to release."""


def _solve(request: Request) -> str:
    solution = get_task(request.problem.task).solve(request.problem)
    if solution is None:
        raise RequestRefused("no_derivation", f"the solver knows no derivation of problem {request.problem.id}")
    return solution


def _review(request: Request) -> Review:
    review = get_task(request.problem.task).review(request.problem, str(request.inputs["attempt"]))
    if review is None:
        raise RequestRefused("no_derivation", f"the solver knows no derivation of problem {request.problem.id}")
    return review


def _correct(request: Request) -> str:
    review = _review(request)
    false = any(label is False for label in review.labels)
    if review.outcome is Outcome.CORRECT and not false:
        return "Check: correct"
    if not review.sure:  # what is not surely wrong is not named: the whole solution follows
        return f"Check: wrong\nCorrected:\n{_solve(request)}"
    lines = ["Check: wrong"]
    if review.first_wrong is not None:
        lines.append(f"First wrong step: {review.first_wrong + 1}")
    if review.explanation:
        lines.append(f"Why: {review.explanation}")
    return "\n".join([*lines, "Corrected:", *review.correction])


def _critique(request: Request) -> str:
    review = _review(request)
    lines = []
    for number, right in enumerate(review.labels):
        if right:
            lines.append(f"Step {number + 1}: right.")
        elif right is None:
            lines.append(f"Step {number + 1}: not sure.")
        elif number == review.first_wrong:
            lines.append(f"Step {number + 1}: wrong. {review.explanation}".strip())
        else:
            lines.append(f"Step {number + 1}: wrong. It builds on a wrong step.")
    verdict = "right" if review.outcome is Outcome.CORRECT else "wrong"
    return "\n".join([*lines, f"Verdict: {verdict}"])


_ACTS: dict[str, Callable[[Request], str]] = {"solve": _solve, "correct": _correct, "critique": _critique}
