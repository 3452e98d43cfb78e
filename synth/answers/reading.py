r"""Reading: which part of a response is its final answer.

A response marks its answer with `\boxed{X}`, `<answer>X</answer>`, `#### X`, a heading (`### Final Answer`), a phrase ("the
answer is X", in the common languages) or a conclusion ("Therefore, the total is X."). The last complete mark after the
thoughts counts; an unfinished one behind it makes the answer unreadable and does not bring an earlier one back.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from synth.answers.typography import MAX_ANSWER, closing

MAX_SCANNED = 32_000  # only the end of a response is searched for its answer
MAX_MARKS = 60  # marks of one kind that are looked at, the last ones


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


@dataclass(frozen=True, slots=True)
class _Mark:
    start: int
    kind: str
    content: str


_PLAIN_ENDING = re.compile(r"(?:#### ?|A: )(-?\$?\d[\d,]*(?:\.\d+)?)\s*")
_TOKEN = re.compile(r"<[|/A-Za-z｜]")
_FINAL_CHANNEL = re.compile(r"<\|channel\|>\s*final\s*<\|message\|>")
_CUT = re.compile(
    r"<\|(?:im_end|endoftext|eot_id|end|end_of_text|eom_id|return|im_start)\|>|</s>|<eos>|<end_of_turn>|<｜end▁of▁sentence｜>"
)
_THOUGHT_END = re.compile(r"</(?:think|thinking|thought|reasoning)>", re.IGNORECASE)
_THOUGHT = re.compile(r"<(?:think|thinking|thought|reasoning)>", re.IGNORECASE)
_TAG = re.compile(r"</?answer>", re.IGNORECASE)
_BOX = re.compile(r"\\(?:f?boxed|fbox)\s*")
_UNBRACED = re.compile(r"(-?\$?\d[\d.,]*|\\[a-z]?frac\s*\d\s*\d|[A-Za-z])")
_JOINING = re.compile(
    r"^(?:[\s$,;.&]|\\[()\[\],;: ]|\\q?quad|\\text\s*\{[^{}]{0,24}\}|(?:and|or)\b|[A-Za-z]\w*(?:_\{?\w+\}?)?\s*="
    r"|[a-z]+(?=\s+(?:and|or)\b))*$"
)
_HASHES = re.compile(r"#{4}(?!#)[ \t]*(.*)$", re.MULTILINE)
_SPACED_HASHES = re.compile(r"#(?:[ \t]#){3}(?![ \t]*#)")
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
_COPULA = r"(?:\bis\b|\bwas\b|\bare\b|\b(?:would|will|should|must)\s+be\b|\bequals\b|:|=)"
_TAIL = r"[ \t]*[:：]?[ \t]*(?:that\s+)?"
_PHRASES = {
    (
        "answer",
        "ans",
    ): r"\b(?:answer|ans)\b(?:\s+(?:to|for|of)\s+[^.\n:=?]{1,80}?)?"
    r"(?:,?\s+(?:here|then|therefore|thus|choice|option|of\s+course),?)?"
    r"\s*[,*]?\s*" + _COPULA,
    ("a:", "a :"): r"^[ \t]*a[ \t]*:",
    (
        "option",
        "choice",
    ): r"\b(?:correct|right|best)\s+(?:option|choice)\s*" + _COPULA,
    ("final result", "final solution"): r"\bfinal\s+(?:result|solution)\s*" + _COPULA,
    ("antwort", "lösung"): r"\b(?:Antwort|Lösung)\s*(?:ist|lautet|:)",
    ("réponse", "reponse"): r"\br[ée]ponse\s*(?:finale\s*)?(?:est|:)",
    ("respuesta",): r"\brespuesta\s*(?:final\s*)?(?:es|:)",
    ("risposta", "resposta"): r"\b(?:risposta|resposta)\s*(?:finale?\s*)?(?:è|é|:)",
    ("ответ",): r"\bответ\s*(?:[:—-]|это|равен|будет)",
    ("antwoord", "svar"): r"\b(?:antwoord|svar(?:et)?)\s*(?:is|är|er|:)",
    ("odpow",): r"\b(?:odpowiedź|odpověď)\s*(?:to|brzmi|je|:)",
    ("cevap", "đáp án"): r"(?:\bcevap\s*:|đáp\s+án\s*(?:là|:))",
    ("答",): r"答案?\s*(?:是|为|為|[:：])|答えは|答え\s*[:：]",
    ("답", "उत्तर", "الجواب", "উত্তর"): r"정답은|정답\s*:|답은|답\s*:|उत्तर\s*(?:है|:)|الجواب\s*(?:هو|:)|উত্তর\s*(?:হল|:)",
}
_COMPILED = [
    (words, re.compile(f"(?:{pattern}){_TAIL}", re.IGNORECASE | re.MULTILINE)) for words, pattern in _PHRASES.items()
]
"""How answers are announced; a pattern is tried where one of its words occurs."""
_POSTPOSED = re.compile(
    r"(\$[^$\n]{1,200}\$|\\\([^\n]{1,200}?\\\)|[-+]?\$?\d[\d,./]*%?)\s+is\s+(?:the|our|my)\s+(?:final\s+|correct\s+)?(?:answer|solution)",
    re.IGNORECASE,
)
_POSED_CHOICE = re.compile(
    r"(?:^[ \t]*|(?<=[.!?;,]\s))(?:so,?\s+)?(?:(?:the\s+)?(?:option|choice)\s+(\(?[A-H]\)?)|(\([A-H]\)))"
    r"\s+is\s+(?:the\s+)?(?:correct|right|best)\b",
    re.IGNORECASE | re.MULTILINE,
)
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
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)|[。！？]")
_ABBREVIATION = re.compile(r"\b(?:mr|mrs|ms|dr|st|sq|cu|vs|approx|prof|jr|sr|rs|e\.g|i\.e|a\.?m|p\.?m)$", re.IGNORECASE)
_INITIAL = re.compile(r"(?:^|\s)[A-Z]$")
_AFTERTHOUGHT = re.compile(
    r"(?<=\S)(?:\s*,\s*(?:because|since|as|so|which|where|given|who|when|while|but|in\s+total|altogether|and\s+(?:so|that|then|the|it)|"
    r"after|if|meaning|making|not|leaving|giving|rounded|that|this|it|he|she|they|we|i)\b|\s+because\b|\s+since\s+[a-z]|"
    r"\s*;\s+[A-Za-z]{2,}\s+[a-z]|\s+[–—-]+\s+[A-Za-z]{2,}\s|\s*\((?:since|because|as|i\.e|rounded|assuming|given|see)\b).*$",
    re.IGNORECASE,
)  # fmt: skip
_WORTH = re.compile(
    r"\d|\\[a-z]|[=<>^]|^\W*\(?[A-Z]\)?\W*$|^\(?[A-Z][).:]|\b(?:yes|no|true|false|odd|even|none|pi|infinity)\b",
    re.IGNORECASE,
)
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
    text, thinking = _spoken(response)
    if thinking:
        return Reading(State.NONE)
    plain = _EMPHASIS.sub("", _SPACED_HASHES.sub("####", text))
    marks, unfinished = _marks(plain)
    if unfinished >= 0 and not any(mark.start > unfinished for mark in marks):
        return Reading(State.UNFINISHED)
    if not marks:
        return _unmarked(text, plain)
    last = _last(marks)
    if not last.content.strip():
        return Reading(State.NONE if len(marks) == 1 else State.UNFINISHED)
    return _reading(last)


def bare_answer(text: str) -> Reading:
    """Read a text that is an answer itself: whole, unless it marks one."""
    if _BROKEN_INLINE.search(text):
        return Reading(State.UNMARKED)
    if len(text) <= MAX_ANSWER and not _BOX.search(text) and "#" not in text and "<" not in text and not _phrases(text):
        return Reading(State.READ, text, "bare", part=text)
    reading = read_answer(text)
    if reading.state in (State.READ, State.UNFINISHED):
        return reading
    if _BROKEN_INLINE.search(text):
        return Reading(State.UNMARKED)
    return Reading(State.READ, text[: MAX_ANSWER * 3], "bare", part=text)


def _spoken(response: str) -> tuple[str, bool]:
    """What is said after the thoughts, without special tokens; and whether a thought never ended."""
    text = response[-MAX_SCANNED * 2 :]
    channels = list(_FINAL_CHANNEL.finditer(text))
    if channels:
        text = text[channels[-1].end() :]
    thought = list(_THOUGHT_END.finditer(text))
    if thought:
        text = text[thought[-1].end() :]
    cut = _CUT.search(text)
    if cut and text[: cut.start()].strip():
        text = text[: cut.start()]
    elif cut:
        text = _CUT.sub(" ", text)
    opened = _THOUGHT.search(text)
    if opened is None:
        return text[-MAX_SCANNED:], False
    before, after = text[: opened.start()], text[opened.end() :]
    tags = _tagged(after)
    if tags:
        return f"<answer>{tags[-1][2]}</answer>", False
    return before[-MAX_SCANNED:], not before.strip()


def _marks(text: str) -> tuple[list[_Mark], int]:
    """All complete marks, and where an unfinished one starts (-1 without)."""
    marks: list[_Mark] = []
    unfinished = -1
    tags = _tagged(text)
    marks.extend(_Mark(start, "tag", content.strip()) for start, _, content in tags)
    stray = [tag.start() for tag in _TAG.finditer(text) if tag[0][1] != "/"]
    if stray and stray[-1] >= (tags[-1][1] if tags else 0):
        unfinished = stray[-1]
    text = _TAG.sub(lambda match: " " * len(match[0]), text)
    boxes, open_box = _boxes(text)
    marks.extend(boxes)
    unfinished = max(unfinished, open_box)
    marks.extend(_hashes(text))
    for heading in _HEADING.finditer(text):
        marks.append(_Mark(heading.start(), "heading", text[heading.end() :].strip()))
    for phrase in _phrases(text):
        marks.append(_Mark(phrase.start(), "phrase", text[phrase.end() :].strip()))
    if " is " in text:
        for posed in list(_POSTPOSED.finditer(text))[-MAX_MARKS:]:
            marks.append(_Mark(posed.start(), "phrase", posed[1]))
        for posed in list(_POSED_CHOICE.finditer(text))[-MAX_MARKS:]:
            marks.append(_Mark(posed.start(), "phrase", posed[1] or posed[2]))
    return sorted(marks, key=lambda mark: mark.start), unfinished


def _phrases(text: str) -> list[re.Match[str]]:
    """Where answers are announced in words, the last ones."""
    lower = text.casefold()
    found = [
        match
        for words, pattern in _COMPILED
        if any(word in lower for word in words)
        for match in pattern.finditer(text)
    ]
    return sorted(found, key=lambda match: match.start())[-MAX_MARKS:]


def _tagged(text: str) -> list[tuple[int, int, str]]:
    """Start, end and content of the answer tags that are closed."""
    found: list[tuple[int, int, str]] = []
    opened: re.Match[str] | None = None
    for tag in _TAG.finditer(text):
        if tag[0][1] != "/":
            opened = tag
        elif opened is not None:
            found.append((opened.start(), tag.end(), text[opened.end() : tag.start()]))
            opened = None
    return found


def _last(marks: list[_Mark]) -> _Mark:
    """The mark that counts: the last one, but not a phrase of mere words behind a stronger mark."""
    strong = [mark for mark in marks if mark.kind in ("box", "tag", "hashes")]
    for mark in reversed(marks):
        if not strong or mark.kind in ("box", "tag", "hashes") or _worth(mark):
            return mark
    return strong[-1]


def _worth(mark: _Mark) -> bool:
    """Whether a phrase holds what may be an answer, not only words."""
    line = _one_line(mark.content)[0]
    return bool(_WORTH.search(line))


def _boxes(text: str) -> tuple[list[_Mark], int]:
    """The boxes, joined ones as a list; and where a box that is never closed starts (-1 without)."""
    found: list[tuple[int, int, str]] = []
    unfinished = -1
    for box in list(_BOX.finditer(text))[-MAX_MARKS:]:
        if found and box.start() < found[-1][1]:
            continue  # inside the one before
        if text[box.end() : box.end() + 1] == "{":
            end = closing(text[: box.end() + MAX_ANSWER * 5], box.end())
            if end is None:
                unfinished = box.start()
                continue
            found.append((box.start(), end + 1, text[box.end() + 1 : end].strip()))
            continue
        bare = _UNBRACED.match(text, box.end())
        if bare:
            found.append((box.start(), bare.end(), bare[1]))
    marks: list[_Mark] = []
    group: list[tuple[int, int, str]] = []
    for box_found in found:
        if group and not _joined(text[group[-1][1] : box_found[0]]):
            group = []
        group.append(box_found)
        contents = list(dict.fromkeys(content for _, _, content in group))
        if len(group) > 1 and all(contents):
            marks[-1:] = [_Mark(group[0][0], "box", ", ".join(contents))]
        else:
            marks.append(_Mark(box_found[0], "box", contents[-1] if contents else ""))
    return marks, unfinished


def _joined(between: str) -> bool:
    return len(between) <= 60 and "\n\n" not in between and _JOINING.match(between) is not None


def _hashes(text: str) -> list[_Mark]:
    marks = []
    for hashes in list(_HASHES.finditer(text))[-MAX_MARKS:]:
        if hashes.start() and text[hashes.start() - 1] == "#":
            continue
        line = hashes[1].strip().strip("*").strip()
        own_line = not text[text.rfind("\n", 0, hashes.start()) + 1 : hashes.start()].strip(" \t>*_")
        if _ANSWER_HEADING.match(line):
            marks.append(_Mark(hashes.start(), "heading", text[hashes.end() :].strip()))
        elif not line:
            marks.append(_Mark(hashes.start(), "hashes", text[hashes.end() :].strip()))
        elif not (own_line and (_OTHER_HEADING.match(line) or _NUMBERED.match(line))):
            phrases = _phrases(line)
            content = line[phrases[0].end() :] if phrases else text[hashes.start(1) :].strip()
            marks.append(_Mark(hashes.start(), "hashes", content))
    return marks


def _reading(mark: _Mark) -> Reading:
    if mark.kind == "box":
        return Reading(State.READ, mark.content, "box", part=mark.content)
    if mark.kind == "tag":
        inner = bare_answer(mark.content)
        line, exclaimed = (inner.text, inner.exclaimed) if inner.mark != "bare" else _one_line(mark.content)
        return Reading(State.READ if line else State.NONE, line, "tag", exclaimed, mark.content)
    boxes, _ = _boxes(mark.content)
    first = mark.content.strip().splitlines()[0] if mark.content.strip() else ""
    if boxes and boxes[0].content and _BOX.search(first):
        return Reading(State.READ, boxes[0].content, "box", part=mark.content)
    line, exclaimed = _one_line(mark.content)
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
        return Reading(State.READ, _one_line(spans[0])[0], "bold", part=spans[0])
    last = [line.strip() for line in plain.strip().splitlines() if line.strip()][-1:]
    ending = _POLITE.sub("", last[0]) if last else ""
    sentences = re.split(r"(?<=[.!?])\s+(?=[A-Z])", ending)
    if not sentences or not re.search(r"\d|\\[a-z]", sentences[-1]):
        return Reading(State.NONE)
    conclusions = list(_CONCLUSION.finditer(sentences[-1]))
    if conclusions:
        conclusion = conclusions[-1]
        line, exclaimed = _one_line(sentences[-1][conclusion.end() :])
        if re.match(r"(?:approximately |about |\$|\\|-|\(|\[)*\d|\$|\\", line):
            return Reading(State.READ, line, "conclusion", exclaimed, line)
    return Reading(State.UNMARKED if _CONCLUDING.match(sentences[-1]) else State.NONE)


def _one_line(content: str) -> tuple[str, bool]:
    """The first sentence of the first line, and whether it ended in an exclamation mark right behind a value."""
    line = _first_line(content).strip("*_ \t").rstrip("# \t")
    line = re.sub(r"^[>•-]\s+(?=\D)", "", line)
    exclaimed = False
    for end in _SENTENCE_END.finditer(line):
        before = line[: end.start()]
        if _goes_on(before, end[0], line[end.end() :]):
            continue
        if before.count("{") != before.count("}") or not before.strip():
            continue
        exclaimed = end[0] == "!" and bool(re.search(r"[\w)\]}]$", before))
        line = before
        break
    cut = _AFTERTHOUGHT.sub("", line)
    if cut != line and cut.count("(") == cut.count(")") and cut.count("{") == cut.count("}"):
        line = cut
    line = re.sub(r"(?:です|だ|です。|입니다|이다)\s*$", "", line)
    return line.strip("*_ \t"), exclaimed


def _goes_on(before: str, mark: str, after: str) -> bool:
    """Whether a mark of punctuation does not end the sentence: an abbreviation, an initial, a LaTeX space."""
    if mark == "!":
        return before.endswith("\\")
    if mark != ".":
        return False
    return bool(_ABBREVIATION.search(before)) or (bool(_INITIAL.search(before)) and bool(re.match(r"\s+\S", after)))


def _first_line(content: str) -> str:
    """The first line with content; a block of display math or a matrix is taken whole."""
    lines = content.splitlines()
    for index, line in enumerate(lines):
        bare = line.strip()
        if not bare or bare.startswith("```") or bare in ("---", "***"):
            continue
        if bare in ("$$", "\\[") or (bare.startswith(("$$", "\\[")) and not re.search(r"\S(?:\$\$|\\\])", bare[2:])):
            closed = {"$$": "$$", "\\[": "\\]"}[bare[:2]]
            block = []
            for later in [bare[2:], *lines[index + 1 : index + 8]]:
                if closed in later:
                    block.append(later[: later.index(closed)])
                    break
                block.append(later)
            return " ".join(part.strip() for part in block if part.strip())
        if "\\begin" in bare and "\\end" not in bare:
            rest = "\n".join(lines[index : index + 20])
            end = re.search(r"\\end\s*\{\w+\*?\}", rest)
            return " ".join(rest[: end.end()].split()) if end else bare
        return bare
    return ""
