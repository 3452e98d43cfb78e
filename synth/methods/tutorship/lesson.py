"""Read what a teacher replies to an attempt, as real models write it."""

import re
from dataclasses import dataclass

from synth.answers.judge import equal_answers, normalise
from synth.problems.base import Problem
from synth.problems.steps import thoughts_end

_MARKUP = r"[ \t>#*_`\-•]*"
_CHECK = re.compile(
    rf"^{_MARKUP}(?:(?:overall\s+)?(?:check|verdict|judge?ment|assessment|evaluation|result)|the\s+(?:attempt|solution)\s+is)"
    r"\b[\s*_`:=\-–—]*(?:(?:the\s+(?:student'?s\s+)?(?:attempt|solution|answer)\s+is\s+)[*_`]*)?"
    r"(?:[✅❌✓✗✔✘]\ufe0f?\s*)?(?P<not>not\s+)?(?P<word>correct|right|wrong|incorrect)\b(?!\s+or\b)",
    re.I | re.M,
)
_STEP = re.compile(
    rf"^{_MARKUP}(?:the\s+)?(?:first\s+(?:wrong|incorrect|mistaken|erroneous)\s+step|first\s+(?:error|mistake)(?:\s+(?:is\s+)?(?:in|at))?)"
    r"\b[\s*_`:=\-–—]*(?:is\s+|occurs\s+(?:in|at)\s+)?(?:in\s+)?(?:step|line)?[\s*_`:#(]*(\d{1,4})\b",
    re.I | re.M,
)
_WHY = re.compile(
    rf"^{_MARKUP}(?:why|reason|explanation|mistake)\b[ \t*_`]*(?:[:=\-–—][ \t*_`]*\n?|\n)"
    rf"(?P<text>.*(?:\n(?!{_MARKUP}(?:correct|fixed|first))(?!\s*$).*)*)",
    re.I | re.M,
)
_FIXED = r"(?:correct(?:ed|ion)(?:\s+(?:steps?|solution|version))?|fixed\s+solution)"
_CORRECTED = re.compile(
    rf"^{_MARKUP}{_FIXED}[ \t*_`]*(?:[:\-–—][ \t*_`]*)?(?:\n|\Z)(?P<text>.*)\Z"
    rf"|^{_MARKUP}{_FIXED}[ \t*_`]*:[ \t*_`]*(?P<inline>\S.*)\Z",
    re.I | re.M | re.S,
)

VERDICT_LINE = re.compile(rf"^{_MARKUP}(?:compare|check|first\s+wrong\s+step)\b", re.I)
"""A line of a reply that says what is right, and teaches nothing."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """A teacher's reply, read.

    Attributes:
        check: `correct` or `wrong`; None when the reply does not say, or says both.
        first_wrong: First wrong step, counted from 1.
        why: What is wrong.
        corrected: The right steps from there on.
        both: Whether the reply says both.
    """

    check: str | None
    first_wrong: int | None
    why: str
    corrected: str
    both: bool = False


def read_lesson(text: str) -> Lesson:
    """Read a teacher's reply in the form that the prompt `correct` asks for, or near it."""
    text = text[thoughts_end(text) :].replace("\r\n", "\n")
    fixed = _CORRECTED.search(text)
    corrected = (fixed["text"] or fixed["inline"] or "") if fixed else ""
    head = text[: fixed.start()] if fixed else text
    checks = {_word(match) for match in _CHECK.finditer(head)}
    step, why = _STEP.search(head), _WHY.search(head)
    return Lesson(
        checks.pop() if len(checks) == 1 else None,
        int(step[1]) if step else None,
        " ".join(why["text"].split()).strip("*_` ") if why else "",
        _unfenced(corrected),
        len(checks) > 1,
    )


def contradiction(lesson: Lesson, attempted: str | None, corrected: str | None, *, false: bool = False) -> str | None:
    """Say in a stable word how a teacher contradicts itself; None when it does not. Such a reply is not believed.

    Args:
        lesson: The reply, read.
        attempted: Final answer of the attempt; None where none can be read.
        corrected: Final answer of the teacher's own correction; None where none can be read.
        false: Whether the attempt's arithmetic is false, so that a correction may come to the same answer.
    """
    if lesson.both:
        return "two_verdicts"
    if lesson.check == "correct" and lesson.first_wrong is not None:
        return "verdict_against_step"
    if attempted is None or corrected is None:
        return None
    same = equal_answers(attempted, corrected)
    if (lesson.check == "correct" and not same) or (lesson.check == "wrong" and same and not false):
        return "verdict_against_correction"
    return None


def speaks_of_step(text: str) -> bool:
    """Say whether a text names a step by its number."""
    return (
        re.search(
            r"\b(?:step|line)\s*[#(]?\s*\d|\b(?:first|second|third|fourth|fifth|last)\s+(?:step|line)\b", text, re.I
        )
        is not None
    )


def mentions_answer(text: str, problem: Problem) -> bool:
    """Whether a text holds the gold answer, as a whole word or number."""
    gold = normalise(problem.gold)
    plain = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text).casefold()
    return re.search(rf"(?<![\w.]){re.escape(gold)}(?:\.0+)?(?![\w]|\.\d)", plain) is not None


def _word(match: re.Match[str]) -> str:
    right = match["word"].lower() in ("correct", "right")
    return "correct" if right != bool(match["not"]) else "wrong"


def _unfenced(text: str) -> str:
    """The text without the code fence around it."""
    lines = text.strip().splitlines()
    if len(lines) > 1 and lines[0].startswith("```") and lines[-1].strip() == "```":
        lines = lines[1:-1]
    return "\n".join(lines).strip()
