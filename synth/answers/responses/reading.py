r"""Reading: which part of a response is its final answer.

A response marks its answer with `\boxed{X}`, `<answer>X</answer>`, `#### X`, a heading (`### Final Answer`), a phrase ("the
answer is X", in the common languages) or a conclusion ("Therefore, the total is X."). The last complete mark after the
thoughts counts; an unfinished one behind it makes the answer unreadable and does not bring an earlier one back.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from synth.answers.parsing.typography import MAX_ANSWER
from synth.answers.responses.lines import first_sentence
from synth.answers.responses.marks import Mark, find_marks, last_mark
from synth.answers.responses.phrases import announced, stated_answers
from synth.answers.responses.tags import BOX, boxed
from synth.answers.responses.thoughts import without_thoughts


class State(StrEnum):
    """What reading came to."""

    READ = "read"
    NONE = "none"
    UNFINISHED = "unfinished"
    UNMARKED = "unmarked"


@dataclass(frozen=True, slots=True)
class Reading:
    """The final answer of a response.

    Attributes:
        state: `read`; `none` where the response does not answer; `unfinished` where its last mark is cut off; `unmarked`
            where it ends in a conclusion that may be an answer.
        text: The answer as written, empty unless read.
        mark: What marks it: `box`, `tag`, `hashes`, `heading`, `phrase`, `conclusion`, `bold` or `bare`.
        exclaimed: Whether an exclamation mark followed, which may have been a factorial.
        part: Everything from the mark on, for answers of several lines.
    """

    state: State
    text: str = ""
    mark: str = ""
    exclaimed: bool = False
    part: str = ""


_PLAIN_ENDING = re.compile(r"(?:#### ?|A: )(-?\$?\d[\d,]*(?:\.\d+)?)\s*")
_TOKEN = re.compile(r"<[|/A-Za-z｜]")
_SPACED_HASHES = re.compile(r"#(?:[ \t]#){3}(?![ \t]*#)")
_CONCLUDING = re.compile(
    r"^(?:i\s+(?:think|believe|guess|choose|pick)|so|thus|therefore|hence|in\s+total|in\s+conclusion|consequently|altogether"
    r"|finally)\b[,:]?\s*",
    re.IGNORECASE,
)
_POLITE = re.compile(r"\s*I hope (?:it|this) is correct\.?\s*$", re.IGNORECASE)
_CONCLUSION = re.compile(
    r"\b(?:so|thus|therefore|hence|in\s+conclusion|consequently)\b[,:]?\s+the\s+(?:[^.\n=?]{1,80}?)\s+(?:is|are|was|equals)\s+(?=\S)",
    re.IGNORECASE,
)
_BROKEN_INLINE = re.compile(r"\\\(\s*\n[^\n]*\n\s*\\\)")  # inline mathematics stands on one line
_BOLD = re.compile(r"\*\*([^*\n]+)\*\*")
_EMPHASIS = re.compile(r"(?<!\w)\*\*|\*\*(?!\w)|(?<!\w)__(?=\w)|(?<=\w)__(?!\w)|`+")
_MARKING = re.compile(r"\\f?boxed|\\fbox|[#<]")
_ALONE = re.compile(
    r"(?:(?i:option|choice)\s+)?(?:\(?[A-H]\)?[.!]?|\([a-h]\)|(?:[A-H]|[a-h])\) .{1,80}|\([A-Ha-h]\) .{1,80})"
    r"|(?:Yes|No|True|False)[.!]?|[-+]?[$€£]?\d[\d,]*(?:\.\d+)?(?:/\d+)?\s*%?\.?|\$[^$\n]{1,80}\$\.?|\\\([^\n]{1,80}\\\)\.?"
)
"""A response that is nothing but a value, or a letter of a choice with its text perhaps, or yes or no."""
_LETTERED = re.compile(r"^\W*(?:for\s+sure\s+)?\(?([A-Z])\)?(?:[\s,.:;)]|$)")


def final_answer(text: str) -> str | None:
    """Return the final answer that a response marks as such; None when it gives none that can be read.

    Without a mark there is no answer: the last number of a text is never taken for it.
    """
    reading = read_answer(text)
    return reading.text or None if reading.state is State.READ else None


def final_part(text: str) -> str | None:
    """Return everything from the mark of the final answer on, for answers of several lines; None without a mark."""
    reading = read_answer(text)
    return reading.part or None if reading.state is State.READ and reading.mark not in ("bold", "conclusion") else None


def read_answer(response: str) -> Reading:
    """Read the final answer of a response. Never raises on model text."""
    ending = _PLAIN_ENDING.fullmatch(response, response.rfind("\n", 0, len(response.rstrip())) + 1)
    if ending and not _TOKEN.search(
        response
    ):  # the short way of most responses: a number on an answer line, and no tokens or tags
        return Reading(State.READ, ending[1], "hashes", part=ending[1])
    text, thinking = without_thoughts(response)
    if thinking:
        return Reading(State.NONE)
    plain = _EMPHASIS.sub("", _SPACED_HASHES.sub("####", text))
    marks, unfinished = find_marks(plain)
    if unfinished >= 0 and not any(mark.start > unfinished for mark in marks):
        return Reading(State.UNFINISHED)
    if not marks:
        return _unmarked(text, plain)
    last = last_mark(marks)
    if not last.content.strip():
        return Reading(State.NONE if len(marks) == 1 else State.UNFINISHED)
    return _reading(last)


def bare_answer(text: str) -> Reading:
    """Read a text that is an answer itself: whole, unless it marks one."""
    if _BROKEN_INLINE.search(text):
        return Reading(State.UNMARKED)
    if len(text) <= MAX_ANSWER and not (_MARKING.search(text) or announced(text) or stated_answers(text)):
        return Reading(State.READ, text, "bare", part=text)
    reading = read_answer(text)
    if reading.state in (State.READ, State.UNFINISHED):
        return reading
    if _BROKEN_INLINE.search(text):
        return Reading(State.UNMARKED)
    return Reading(State.READ, text[: MAX_ANSWER * 3], "bare", part=text)


def _reading(mark: Mark) -> Reading:
    if mark.kind == "box":
        return Reading(State.READ, mark.content, "box", part=mark.content)
    if mark.kind == "tag":
        inner = bare_answer(mark.content)
        line, exclaimed = (inner.text, inner.exclaimed) if inner.mark != "bare" else first_sentence(mark.content)
        return Reading(State.READ if line else State.NONE, line, "tag", exclaimed, mark.content)
    boxes, _ = boxed(mark.content)
    first = mark.content.strip().splitlines()[0] if mark.content.strip() else ""
    if boxes and boxes[0][1] and BOX.search(first):
        return Reading(State.READ, boxes[0][1], "box", part=mark.content)
    line, exclaimed = first_sentence(mark.content)
    if not line:
        return Reading(State.NONE)
    if mark.kind == "phrase":
        letter = _LETTERED.match(line)
        if letter and re.search(r"[a-z]{2,}", line[letter.end() :]) and not re.match(r"\W*\(?[A-Z][).:]\s*\S", line):
            line = letter[1]
    return Reading(State.READ, line, mark.kind, exclaimed, mark.content)


def _unmarked(text: str, plain: str) -> Reading:
    """A response without a mark: one bold span in its last line, or a concluding sentence."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    spans = _BOLD.findall(lines[-1]) if lines else []
    if len(spans) == 1 and spans[0].strip():
        return Reading(State.READ, first_sentence(spans[0])[0], "bold", part=spans[0])
    last = [line.strip() for line in plain.strip().splitlines() if line.strip()][-1:]
    ending = _POLITE.sub("", last[0]) if last else ""
    sentences = re.split(r"(?<=[.!?])\s+(?=[A-Z])", ending)
    if _ALONE.fullmatch(plain.strip()):
        return Reading(State.READ, plain.strip(), "bare", part=plain.strip())
    if not sentences or not re.search(r"\d|\\[a-z]", sentences[-1]):
        return Reading(State.NONE)
    conclusions = list(_CONCLUSION.finditer(sentences[-1]))
    if conclusions:
        conclusion = conclusions[-1]
        line, exclaimed = first_sentence(sentences[-1][conclusion.end() :])
        if re.match(r"(?:approximately |about |\$|\\|-|\(|\[)*\d|\$|\\", line):
            return Reading(State.READ, line, "conclusion", exclaimed, line)
    return Reading(State.UNMARKED if _CONCLUDING.match(sentences[-1]) else State.NONE)
