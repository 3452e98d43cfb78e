"""A worked solution as a derivation, and the first wrong step of an attempt by comparing derivations."""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from synth.answers.outcome import Check, Outcome
from synth.problems.base import Review
from synth.problems.equations import MAX_STEP, Equation, equations, rounds, strip_marks
from synth.problems.expression_parser import Expression
from synth.problems.expressions import numbers
from synth.problems.steps import content_lines, split_steps

Step = tuple[str, Fraction | int | None]
"""A step of a derivation: its text, and the value it reaches (None for a step of prose)."""


def derive(solution: str) -> list[Step]:
    """Read a worked solution as a derivation: each step without calculator marks, and the value it reaches."""
    steps: list[Step] = []
    for step in content_lines(solution):
        read = equations(step)
        steps.append((strip_marks(step), read[-1].right.value if read else None))
    return steps


def review(
    attempt: str,
    derivation_steps: Sequence[Step],
    answer_line: str,
    check: Check,
    *,
    other_routes: bool = False,
) -> Review:
    """Find the first wrong step of an attempt and continue from there along the derivation.

    A step is right when its equations are true and their results occur in the derivation, in any order. A step without
    an equation is right, unless the attempt holds no equation at all and its answer is not correct. Only a false equation
    is surely wrong: a true step from elsewhere is unsure, and so are all steps of an attempt that takes known values only and
    still answers wrongly, where the derivation is one of many.

    Args:
        attempt: The attempt's full text.
        derivation_steps: The right steps, in order, with the value each one reaches.
        answer_line: The last line of a right solution, for example `#### 6`.
        check: The check of the attempt's final answer.
        other_routes: Whether a correct answer reached through true equations is right even where it leaves the
            derivation. For problems that have many derivations, of which one is known.
    """
    steps = split_steps(attempt)
    correct = check.outcome is Outcome.CORRECT
    read = [equations(step) for step in steps]
    known_values = None if other_routes and correct else _known_values(derivation_steps)
    wrong = next((index for index, step_equations in enumerate(read) if not _right(step_equations, known_values)), None)
    if not correct and steps and not any(read):
        wrong = 0
    if wrong is None and correct:
        return Review(check.outcome, tuple(steps), (True,) * len(steps), None)
    first_wrong = len(steps) if wrong is None else wrong
    false = next(
        (index for index, step_equations in enumerate(read) if not all(equation.true for equation in step_equations)),
        len(steps),
    )
    sure = first_wrong if wrong is not None or not other_routes else 0
    labels = tuple(True if index < sure else None if index < false else False for index in range(len(steps)))
    rest = _rest(derivation_steps, read[:first_wrong])
    return Review(
        outcome=check.outcome,
        steps=tuple(steps),
        labels=labels,
        first_wrong=first_wrong,
        explanation=_explain(read[first_wrong] if first_wrong < len(steps) else [], rest, answer_line, check),
        correction=(*(text for text, _ in rest), answer_line),
    )


def _known_values(steps: Sequence[Step]) -> frozenset[Fraction]:
    known_values: set[Fraction] = set()
    for text, value in steps:
        if value is not None:
            known_values.add(Fraction(value))
        known_values.update(numbers(strip_marks(text)[:MAX_STEP]))
        for equation in equations(text):
            known_values.update(equation.left.parts | equation.right.parts)
    return frozenset(known_values)


def _right(step_equations: Sequence[Equation], known_values: frozenset[Fraction] | None) -> bool:
    """Whether all equations of a step are true and lead somewhere; `known_values` is None when only truth counts."""
    if not all(equation.true for equation in step_equations):
        return False
    return known_values is None or all(_leads(equation.right, known_values) for equation in step_equations)


def _leads(result: Expression, known_values: frozenset[Fraction]) -> bool:
    if result.value in known_values or (result.percent and result.value * 100 in known_values):
        return True
    return any(rounds(result, value) for value in known_values) if result.places else False


def _rest(derivation_steps: Sequence[Step], right_steps: Sequence[Sequence[Equation]]) -> Sequence[Step]:
    """The derivation from the first step whose value the right steps have not reached."""
    reached: Counter[Fraction] = Counter()
    rounded: list[Expression] = []
    for step_equations in right_steps:
        values = {value for equation in step_equations for value in (*equation.left.results, equation.right.value)}
        reached.update(values)
        rounded.extend(equation.right for equation in step_equations if equation.right.places)
    start = 0
    for index, (_, value) in enumerate(derivation_steps):
        if value is None:
            continue
        exact = Fraction(value)
        if reached[exact] > 0:
            reached[exact] -= 1
        elif not any(rounds(result, exact) for result in rounded):
            return derivation_steps[start:]
        start = index + 1
    return derivation_steps[start:] if start == 0 else ()


def _explain(step_equations: Sequence[Equation], rest: Sequence[Step], answer_line: str, check: Check) -> str:
    for equation in step_equations:
        if not equation.true:
            return equation.correction
    following = next((text for text, value in rest if value is not None), None)
    if following is not None:
        return f"the next step is {_sentence(following)}"
    answer = answer_line.lstrip("# ").strip()
    given = check.answer if check.outcome is Outcome.WRONG else None
    return f"the answer is {answer}, not {given}." if given else f"the answer is {answer}."


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."
