r"""Marks of final answers: `\boxed{X}`, `<answer>X</answer>`, `#### X`, a heading (`### Final Answer`) or a phrase."""

import re
from dataclasses import dataclass

from synth.answers.responses.lines import first_sentence
from synth.answers.responses.phrases import announced, stated_answers
from synth.answers.responses.tags import MAX_MARKS, TAG, boxed, tagged, unclosed_tag

STRONG = ("box", "tag", "hashes")

_HASHES = re.compile(r"#{4}(?!#)[ \t]*(.*)$", re.MULTILINE)
_NUMBERED = re.compile(r"^\d{1,2}[.)]\s+[A-Za-z]")
_OTHER_HEADING = re.compile(
    r"^(?:step|part|case|solution|calculat\w*|explanation|conclusion|summary|verif\w*|check\w*|given|understand\w*|notes?|"
    r"remarks?|reasoning|analysis|question|problem|hint|method|approach|proof|example|recap|therefore|breakdown|details|"
    r"comment|why|how)\b(?!\s*[=])",
    re.IGNORECASE,
)
_ANSWER_HEADING = re.compile(r"^(?:the\s+)?(?:final\s+|correct\s+)?(?:answer|result)\s*:?$", re.IGNORECASE)
_HEADING = re.compile(
    r"^[ \t]*(?:#{1,6}[ \t]*)?(?:the\s+)?(?:final\s+|correct\s+)?answer[ \t]*:?[ \t]*$", re.IGNORECASE | re.MULTILINE
)
_WORTH = re.compile(
    r"\d|\\[a-z]|[=<>^]|^\W*\(?[A-Z]\)?\W*$|^\(?[A-Z][).:]|\b(?:yes|no|true|false|odd|even|none|pi|infinity)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark with what stands behind it.

    Attributes:
        start: Where it starts.
        kind: `box`, `tag`, `hashes`, `heading` or `phrase`.
        content: The answer, perhaps with text behind it.
    """

    start: int
    kind: str
    content: str


def find_marks(text: str) -> tuple[list[Mark], int]:
    """Return all complete marks in their order, and where an unfinished one starts (-1 without)."""
    tags = tagged(text)
    open_tag = unclosed_tag(text, tags)
    marks = [Mark(start, "tag", content.strip()) for start, _, content in tags]
    text = TAG.sub(lambda match: " " * len(match[0]), text)
    boxes, open_box = boxed(text)
    marks += [Mark(start, "box", content) for start, content in boxes]
    marks += _hashes(text)
    marks += [Mark(match.start(), "heading", text[match.end() :].strip()) for match in _HEADING.finditer(text)]
    marks += [Mark(match.start(), "phrase", text[match.end() :].strip()) for match in announced(text)]
    marks += [Mark(start, "phrase", answer) for start, answer in stated_answers(text)]
    return sorted(marks, key=lambda mark: mark.start), max(open_tag, open_box)


def last_mark(marks: list[Mark]) -> Mark:
    """Return the mark that counts: the last one, but not a phrase of mere words behind a stronger mark."""
    strong = [mark for mark in marks if mark.kind in STRONG]
    for mark in reversed(marks):
        if not strong or mark.kind in STRONG or _WORTH.search(first_sentence(mark.content)[0]):
            return mark
    return strong[-1]


def _hashes(text: str) -> list[Mark]:
    marks = []
    for hashes in list(_HASHES.finditer(text))[-MAX_MARKS:]:
        if hashes.start() and text[hashes.start() - 1] == "#":
            continue
        line = hashes[1].strip().strip("*").strip()
        own_line = not text[text.rfind("\n", 0, hashes.start()) + 1 : hashes.start()].strip(" \t>*_")
        if _ANSWER_HEADING.match(line):
            marks.append(Mark(hashes.start(), "heading", text[hashes.end() :].strip()))
        elif not line:
            marks.append(Mark(hashes.start(), "hashes", text[hashes.end() :].strip()))
        elif not (own_line and (_OTHER_HEADING.match(line) or _NUMBERED.match(line))):
            phrases = announced(line)
            content = line[phrases[0].end() :] if phrases else text[hashes.start(1) :].strip()
            marks.append(Mark(hashes.start(), "hashes", content))
    return marks
