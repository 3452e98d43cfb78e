r"""Answers in tags, `<answer>X</answer>`, and in boxes, `\boxed{X}`."""

import re

from synth.answers.parsing.typography import MAX_ANSWER, closing

MAX_MARKS = 60  # marks of one kind that are looked at, the last ones

TAG = re.compile(r"</?answer>", re.IGNORECASE)
BOX = re.compile(r"\\(?:f?boxed|fbox)\s*")
_UNBRACED = re.compile(r"(-?\$?\d[\d.,]*|\\[a-z]?frac\s*\d\s*\d|[A-Za-z])")
_JOINING = re.compile(
    r"^(?:[\s$,;.&]|\\[()\[\],;: ]|\\q?quad|\\text\s*\{[^{}]{0,24}\}|(?:and|or)\b|[A-Za-z]\w*(?:_\{?\w+\}?)?\s*="
    r"|[a-z]+(?=\s+(?:and|or)\b))*$"
)


def tagged(text: str) -> list[tuple[int, int, str]]:
    """Return start, end and content of the answer tags that are closed."""
    closed: list[tuple[int, int, str]] = []
    opened: re.Match[str] | None = None
    for tag in TAG.finditer(text):
        if tag[0][1] != "/":
            opened = tag
        elif opened is not None:
            closed.append((opened.start(), tag.end(), text[opened.end() : tag.start()]))
            opened = None
    return closed


def unclosed_tag(text: str, tags: list[tuple[int, int, str]]) -> int:
    """Return where an answer tag is opened behind the closed ones; -1 without."""
    opened = [tag.start() for tag in TAG.finditer(text) if tag[0][1] != "/"]
    return opened[-1] if opened and opened[-1] >= (tags[-1][1] if tags else 0) else -1


def boxed(text: str) -> tuple[list[tuple[int, str]], int]:
    """Return start and content of the boxes, joined ones as a list; and where one that is never closed starts (-1 without)."""
    boxes, unfinished = _closed_boxes(text)
    contents: list[tuple[int, str]] = []
    group: list[tuple[int, int, str]] = []
    for box in boxes:
        if group and not _joined(text[group[-1][1] : box[0]]):
            group = []
        group.append(box)
        distinct = list(dict.fromkeys(content for _, _, content in group))
        if len(group) > 1 and all(distinct):
            contents[-1:] = [(group[0][0], ", ".join(distinct))]
        else:
            contents.append((box[0], distinct[-1]))
    return contents, unfinished


def _closed_boxes(text: str) -> tuple[list[tuple[int, int, str]], int]:
    """Start, end and content of each box that is closed; and where one that is not starts (-1 without)."""
    boxes: list[tuple[int, int, str]] = []
    unfinished = -1
    for box in list(BOX.finditer(text))[-MAX_MARKS:]:
        if boxes and box.start() < boxes[-1][1]:
            continue  # inside the one before
        if text[box.end() : box.end() + 1] == "{":
            end = closing(text[: box.end() + MAX_ANSWER * 5], box.end())
            if end is None:
                unfinished = box.start()
                continue
            boxes.append((box.start(), end + 1, text[box.end() + 1 : end].strip()))
            continue
        unbraced = _UNBRACED.match(text, box.end())
        if unbraced:
            boxes.append((box.start(), unbraced.end(), unbraced[1]))
    return boxes, unfinished


def _joined(between: str) -> bool:
    return len(between) <= 60 and "\n\n" not in between and _JOINING.match(between) is not None
