"""Gold answers at the door: each verifies against itself, and agrees with its own solution."""

import re

from synth.answers.judge import WRONG_ANSWER, gold_verifies, judge
from synth.answers.numbers import format_number, parse_number
from synth.answers.outcome import Outcome
from synth.answers.parsing.form import read_form
from synth.answers.parsing.forms import Quantity
from synth.answers.parsing.words import number_in_words
from synth.problems.equations import equations
from synth.problems.steps import content_lines

_NUMBER = re.compile(r"\d{1,3}(?: \d{3})+(?!\d)|\d[\d,]*(?:\.\d+)?|\.\d+")
_FRACTION = re.compile(r"\d+\s*/\s*\d+")
_WORD = re.compile(r"[A-Za-z]+(?:-[A-Za-z]+)?")
_SCALES = (1, 100, 12, 60, 1000)


class BadGoldError(Exception):
    """A gold answer that cannot be used.

    Attributes:
        reason: `bad_gold`, `contradicts_solution` or `unreached_by_solution`.
    """

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


def check_gold(gold: str, location: str, field: str) -> None:
    """Check that a gold answer verifies against itself.

    Raises:
        BadGoldError: It does not; the sentence names `location` and `field`.
    """
    if not gold_verifies(gold):
        raise BadGoldError(
            "bad_gold",
            f"{location}: the gold answer {gold[:80]!r} (field {field!r}) does not verify against itself; "
            "give the final answer alone, or an `answer_pattern` that finds it.",
        )


def check_solution(gold: str, solution: str, location: str) -> None:
    """Check a gold answer against its own solution.

    Raises:
        BadGoldError: The solution answers otherwise, or it computes and never comes to the gold answer.
    """
    check = judge(gold, solution)
    if check.reason == WRONG_ANSWER:
        raise BadGoldError(
            "contradicts_solution",
            f"{location}: the gold answer is {gold[:80]!r}, but its own solution answers {(check.reading or '')[:80]!r}; "
            "correct one of them or remove the row.",
        )
    if check.outcome is not Outcome.CORRECT and _unreached(gold, solution):
        raise BadGoldError(
            "unreached_by_solution",
            f"{location}: the gold answer is {gold[:80]!r}, but no step of its own solution comes to it; "
            "correct one of them or remove the row.",
        )


def plain_gold(text: str) -> str:
    """Return a plain number without separators and without words that are no unit; everything else as it stands."""
    form = read_form(text)
    plain = (
        isinstance(form, Quantity) and form.tree[0] in ("n", "neg") and not (form.unit or form.percent or form.group)
    )
    value = form.value if isinstance(form, Quantity) and plain and not form.prose else None
    return text if value is None else format_number(value)


def _unreached(gold: str, solution: str) -> bool:
    """Whether a solution in plain arithmetic holds the gold number nowhere: not as it is, in words, or in another unit."""
    value = parse_number(gold)
    if value is None or "/" in gold or "\\" in solution or _FRACTION.search(gold):
        return False
    results = [equation.right.value for line in content_lines(solution) for equation in equations(line)]
    if not results:
        return False
    written = [parse_number(number.rstrip(",").replace(" ", "")) for number in _NUMBER.findall(solution)]
    in_words = [number_in_words(word) for word in _WORD.findall(solution)]
    values = {abs(number) for number in (*results, *written, *in_words) if number is not None}
    return not any(abs(value) * scale in values or abs(value) / scale in values for scale in _SCALES)
