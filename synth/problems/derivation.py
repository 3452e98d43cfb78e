"""Read the equations in a written solution, and find the first wrong step of an attempt by comparing derivations.

Expressions are read by a small parser over exact fractions, inside limits; model text is never executed. A step may
hold prose: the longest expressions on both sides of `=` count, units are skipped, and whatever looks like algebra,
powers or a dangling operator is left unread rather than misread.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from synth.answers.numbers import format_number, parse_number
from synth.answers.outcome import Check, Outcome
from synth.answers.parsing.units import parse_unit
from synth.problems.base import Review
from synth.problems.expressions import Expression, numbers, parse_whole, runs

MAX_STEPS = 200
FLOAT_PLACES = 10
MAX_STEP = 2_000  # characters of a step that are read

_MARK = re.compile(r"<<([^<>=]{1,200})=([^<>=]{1,60})>>")
_MARKUP_LINE = re.compile(r"^(?:</?(?:think|answer|solution)>|```\w*|-{3,}|\*{3,}|={3,}|\\\[|\\\])$", re.IGNORECASE)
_ANSWER_LINE = re.compile(
    r"^(?:(?:#{1,6}(?!#)\s*)?(?:(?:so|therefore|thus|hence|and)\b[\s,]*)?(?:the\s+)?(?:final\s+)?answer\b(?:\s+is\b|\s*[:=]|\s*$)"
    r"|#{4}(?!#)\s*(?!step\b)|a\s*:|<answer>|\\f?boxed\s*\{[^{}]*\}\.?$)",
    re.IGNORECASE,
)
_BULLET = re.compile(r"^\s*(?:[-*•+]|\d{1,3}[.)]|\(\d{1,3}\)|(?:step|part)\s+\d{1,3}\s*[:.)-])\s+", re.IGNORECASE)
_SCALE = re.compile(r"\b(?:cents?|dozens?|hundreds?|thousands?|millions?|billions?)\b|¢", re.IGNORECASE)
_ROUNDED = re.compile(
    r"\b(?:remainders?|rem|round(?:ed|s|ing)?|ceil(?:ing)?|floor|approx\w*|about|roughly|nearest|whole|left\s+over|full)\b|[≈~⌊⌈]"
    r"|\b[rR]\s?\d",
    re.IGNORECASE,
)
_UNIT_WORD = re.compile(r"[^\W\d_]+|[$€£¢]")
_SCALES = frozenset({Fraction(12), *(Fraction(10**power) for power in (2, 3, 6, 9))})

Step = tuple[str, Fraction | int | None]
"""A step of a derivation: its text, and the value it reaches (None for a step of prose)."""


@dataclass(frozen=True, slots=True)
class Equation:
    """An equation as written in a step. `left` or `right` holds an operator; `5 = 5` alone is not an equation."""

    left: Expression
    right: Expression

    @property
    def true(self) -> bool:
        """Whether both sides are equal; a side written as a decimal may be rounded in its last place."""
        left, right = self.left, self.right
        if left.value == right.value or _rounds(right, left.value) or _rounds(left, right.value):
            return True
        if "%" not in left.text + right.text:
            return False
        # 40 / 50 * 100 = 80%, and 40 / 50 * 100% = 80, are written by careful people too.
        return any(_rounds(right, left.value * times, scale) for times in (1, 100) for scale in (1, 100))

    @property
    def correction(self) -> str:
        """Say what the left side is instead, such as `5 + 3 is 8, not 9`."""
        told, other = (self.left, self.right) if self.left.operators else (self.right, self.left)
        return f"{told.text} is {format_number(told.value)}, not {other.text}."


def strip_marks(text: str) -> str:
    """Remove calculator marks `<<48/2=24>>` and keep what was written around them."""
    return _MARK.sub("", text)


def split_steps(text: str) -> list[str]:
    """Cut a solution into its steps: the lines with content, without the line of the final answer and pure markup."""
    lines = (line.strip() for line in text.splitlines())
    steps = [
        line for line in lines if line and not _MARKUP_LINE.match(line) and not _ANSWER_LINE.match(line.lstrip("*_ "))
    ]
    return steps[:MAX_STEPS]


def evaluate(expression: str) -> Fraction | None:
    """Evaluate digits with `+ - * / x × ÷ ( ) %`, exactly; None for anything else, or beyond the limits."""
    read = parse_whole(expression)
    return None if read is None else read.value


def equations(step: str) -> list[Equation]:
    """Find the equations of a step, those of calculator marks included, each once. Never raises on model text."""
    step = step[:MAX_STEP]
    found = []
    for left_text, right_text in _MARK.findall(step):
        left, right = parse_whole(left_text), parse_whole(right_text)
        if left is not None and right is not None:
            found.append(Equation(left, right))
    found.extend(Equation(left, right) for left, right in runs(_BULLET.sub("", strip_marks(step))))
    scaled = _SCALE.search(step) is not None
    unique: dict[tuple[Fraction, Fraction], Equation] = {}
    for equation in found:
        if _has_operator(equation) and not (scaled and _off_by_scale(equation)) and not _told_otherwise(step, equation):
            unique.setdefault((equation.left.value, equation.right.value), equation)
    return list(unique.values())


def false_equation(text: str) -> str | None:
    """Return what is false in the arithmetic of a text, such as `5 + 3 is 8, not 9.`; None when nothing is."""
    for step in split_steps(text):
        for equation in equations(step):
            if not equation.true:
                return equation.correction
    return None


def derive(solution: str) -> list[Step]:
    """Read a worked solution as a derivation: each step without calculator marks, and the value it reaches."""
    steps: list[Step] = []
    for step in split_steps(solution):
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
    an equation is right, unless the attempt holds no equation at all and its answer is not correct.

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
    known = None if other_routes and correct else _known_values(derivation_steps)
    wrong = next((index for index, found in enumerate(read) if not _right(found, known)), None)
    if not correct and steps and not any(read):
        wrong = 0
    if wrong is None and correct:
        return Review(check.outcome, tuple(steps), (True,) * len(steps), None)
    first_wrong = len(steps) if wrong is None else wrong
    rest = _rest(derivation_steps, read[:first_wrong])
    return Review(
        outcome=check.outcome,
        steps=tuple(steps),
        labels=tuple(index < first_wrong for index in range(len(steps))),
        first_wrong=first_wrong,
        explanation=_explain(read[first_wrong] if first_wrong < len(steps) else [], rest, answer_line, check),
        correction=(*(text for text, _ in rest), answer_line),
        sure=not other_routes or wrong is None or any(not equation.true for equation in read[wrong]),
    )


def _has_operator(equation: Equation) -> bool:
    return bool(equation.left.operators or equation.right.operators)


def _off_by_scale(equation: Equation) -> bool:
    """Whether a false equation may only lack a conversion: cents, dozens, thousands written in words."""
    left, right = equation.left.value, equation.right.value
    return left != right and left != 0 and right != 0 and (left / right in _SCALES or right / left in _SCALES)


def _told_otherwise(step: str, equation: Equation) -> bool:
    """Whether a false equation may be true as the step means it: with units that are converted, a remainder, rounding."""
    if equation.true:
        return False
    left, right = equation.left.value, equation.right.value
    if _ROUNDED.search(step) and abs(left - right) < 1:
        return True
    if not left or not right:
        return False
    units = {unit for word in _UNIT_WORD.findall(step)[:40] if (unit := parse_unit(word)) is not None}
    ratios = {one.factor / other.factor for one in units for other in units if one.dimensions == other.dimensions}
    return left / right in ratios - {Fraction(1)}


def _rounds(written: Expression, value: Fraction, scale: int = 1) -> bool:
    """Whether `written` is the value, or a plain decimal it rounds to or (from two places on) is cut to.

    `scale` undoes a percent. A value that has no more decimals than are written must be equal.
    """
    shown = written.value * scale
    if shown == value:
        return True
    if not written.places or written.operators:
        return False
    distance = abs(shown - value) * 10**written.places
    if written.places >= FLOAT_PLACES and abs(shown - value) <= max(abs(value), Fraction(1)) / 10**9:
        return True  # 99.00000000000001, as floats are printed
    return distance <= Fraction(1, 2) or (written.places > 1 and distance < 1)


def _known_values(steps: Sequence[Step]) -> frozenset[Fraction]:
    known: set[Fraction] = set()
    for text, value in steps:
        if value is not None:
            known.add(Fraction(value))
        known.update(numbers(strip_marks(text)[:MAX_STEP]))
        for equation in equations(text):
            known.update(equation.left.parts | equation.right.parts)
    return frozenset(known)


def _right(found: Sequence[Equation], known: frozenset[Fraction] | None) -> bool:
    """Whether all equations of a step are true and lead somewhere; `known` is None when only truth counts."""
    if not all(equation.true for equation in found):
        return False
    return known is None or all(_leads(equation.right, known) for equation in found)


def _leads(result: Expression, known: frozenset[Fraction]) -> bool:
    if result.value in known or (result.percent and result.value * 100 in known):
        return True
    return any(_rounds(result, value) for value in known) if result.places else False


def _rest(derivation_steps: Sequence[Step], right_steps: Sequence[Sequence[Equation]]) -> Sequence[Step]:
    """The derivation from the first step whose value the right steps have not reached."""
    reached: Counter[Fraction] = Counter()
    rounded: list[Expression] = []
    for found in right_steps:
        values = {value for equation in found for value in (*equation.left.results, equation.right.value)}
        reached.update(values)
        rounded.extend(equation.right for equation in found if equation.right.places)
    start = 0
    for index, (_, value) in enumerate(derivation_steps):
        if value is None:
            continue
        exact = Fraction(value)
        if reached[exact] > 0:
            reached[exact] -= 1
        elif not any(_rounds(result, exact) for result in rounded):
            return derivation_steps[start:]
        start = index + 1
    return derivation_steps[start:] if start == 0 else ()


def _explain(found: Sequence[Equation], rest: Sequence[Step], answer_line: str, check: Check) -> str:
    for equation in found:
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


__all__ = [
    "Equation",
    "Step",
    "derive",
    "equations",
    "evaluate",
    "false_equation",
    "format_number",
    "parse_number",
    "review",
    "split_steps",
    "strip_marks",
]
