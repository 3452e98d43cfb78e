"""Which answers are the same answer: what votes, entropies and agreement are counted from."""

from collections.abc import Iterable

from synth.answers.judge import equal_answers


def groups(answers: Iterable[str | None]) -> list[int | None]:
    """Number each answer by the first one that it equals, by the judge; None is no answer and has no group.

    `1/2` and `0.5` are one answer. Groups are 0, 1, ... in the order of their first answer.
    """
    firsts: list[str] = []
    numbers: list[int | None] = []
    for answer in answers:
        if answer is None:
            numbers.append(None)
            continue
        number = next((n for n, first in enumerate(firsts) if first == answer or equal_answers(first, answer)), None)
        if number is None:
            number = len(firsts)
            firsts.append(answer)
        numbers.append(number)
    return numbers
