"""Cut a written solution into its steps, as people do: numbered items and paragraphs where there are any, lines otherwise.

People who label the steps of solutions see paragraphs; by lines an olympiad solution has twice as many. A step keeps its text as it
was written, so that it can be found in the solution again. No steps are: thoughts, the final answer's line, markup or a number
alone, an opening that only says what is about to be done, and the lines of a plan before the solution proper ("1. Calculate the
total."): they hold no result, so that there is nothing in them to be right or wrong. A line that announces what the next
paragraph does is one step with it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MAX_STEPS = 200

_THOUGHTS = re.compile(r"</(?:think|thinking|thought|reasoning)>|<\|channel\|>\s*final\s*<\|message\|>", re.IGNORECASE)
_MARKUP_LINE = re.compile(
    r"^(?:</?(?:think|answer|solution)>|```\w*|-{3,}|\*{3,}|={3,}|\\\[|\\\]|\$\$)$", re.IGNORECASE
)
_SAYS = re.compile(r"[^\W\d_]|[=≈]|[\d)]\s*[-+*/×÷]\s*[(\d]")
"""A letter or a calculation: a line that holds neither, such as a number alone, says nothing."""
_CLOSING = ("\\]", "$$", "```")
"""Markup that ends what a step shows."""
_ANSWER_LINE = re.compile(
    r"^(?:(?:#{1,6}(?!#)\s*)?(?:(?:so|therefore|thus|hence|and)\b[\s,]*)?(?:the\s+)?(?:final\s+)?answer\b(?:\s+is\b|\s*[:=]|[\s*_]*$)"
    r"|#{4}(?!#)\s*(?!step\b)|a\s*:|<answer>|(?:\\\[|\\\(|\${1,2})?\s*\\f?boxed\s*\{[^{}]*\}\s*(?:\\\]|\\\)|\${1,2})?\.?$)",
    re.IGNORECASE,
)
_BARE_ANSWER_HEADING = re.compile(r"^[#*_\s]*(?:the\s+)?(?:final\s+)?answer[\s:*_]*$", re.IGNORECASE)
_ITEM = re.compile(
    r"^[ \t]{0,3}(?:[#>]{1,6}[ \t]*)?[*_]{0,3}(?:(?:step|part)[ \t]+\d{1,3}\b|\(?\d{1,3}[.)][*_]{0,2}[ \t]+\S)",
    re.IGNORECASE,
)
_TITLE = re.compile(r"^(?:#{1,6}\s.*|\*\*[^*]+\*\*:?|.*:[*_]*)$")
_DISPLAY = re.compile(r"^(?:\\\[|\$\$|\\begin\b|=|≈|[-*•+]\s|\s{2,}\S)")
_OPENING = re.compile(
    r"^(?:sure|certainly|of\s+course|okay|ok|alright|great|here(?:['’]s|\s+is|\s+are)|to\s+(?:solve|find|determine|calculate|figure\s+out|answer)"
    r"|let(?:['’]s|\s+us|\s+me)\s+(?:solve|think|break|start|begin|work|go|tackle|approach|analy[sz]e|see|calculate|find|do)"
    r"|(?:we|i)(?:['’]ll|\s+will|\s+need\s+to|\s+can|\s+should|\s+must|\s+have\s+to)|solution\b|step[- ]by[- ]step)",
    re.IGNORECASE,
)
_ANNOUNCES = re.compile(
    r":[*_\s]*$|\bstep[- ]by[- ]step\b|\b(?:these|following)\s+steps\b|\bbreak\s+(?:it|this|that|the\s+problem)\s+down\b",
    re.IGNORECASE,
)
_PLANS = re.compile(
    r"^(?:(?:first|second|third|next|then|now|finally|lastly|after\s+that)\b[\s,:]*)?(?:and\s+)?"
    r"(?:(?:we|i|you)(?:['’]ll|\s+(?:first\s+|then\s+)?(?:will|need\s+to|can|should|must|have\s+to))\s+|let(?:['’]s|\s+us)\s+|to\s+)?"
    r"(?:calculat|comput|determin|find|identif|add|subtract|multipl|divid|sum|us|convert|work|figure|set|express|solv|compar|combin|appl"
    r"|take|start|writ|defin|count|repeat|check|round|simplif|substitut|isolat|analy[sz]|understand|know)(?:e|y|up|out|the|ing)?\b",
    re.IGNORECASE,
)
_RESULT = re.compile(
    r"[=≈]|\d\s*[-+*/×÷]\s*[\d(]|\\(?:times|div|frac|cdot)\b|\b(?:so|therefore|thus|hence)\b|\bg(?:ives?|ets?)\W+\d",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


@dataclass(slots=True)
class _Line:
    start: int
    end: int
    text: str
    after_blank: bool


def content_lines(text: str) -> list[str]:
    """Return the lines with content, without thoughts, pure markup and the line of the final answer."""
    return [line.text for line in _lines(text[thoughts_end(text) :])][:MAX_STEPS]


def split_steps(text: str) -> list[str]:
    """Cut a solution into its steps (see the module's docstring), each as it was written."""
    text = text[thoughts_end(text) :]
    lines = list(_lines(text))
    numbered = sum(_ITEM.match(line.text) is not None for line in lines) >= 2
    in_paragraphs = numbered or any(line.after_blank for line in lines[1:])
    blocks: list[list[_Line]] = []
    for line in lines:
        if not blocks or not in_paragraphs or _begins(blocks[-1], line, numbered):
            blocks.append([line])
        else:
            blocks[-1].append(line)
    if blocks and _is_opening(blocks[0]):
        del blocks[0]
    blocks = _joined(_after_plan(blocks))
    return [text[block[0].start : block[-1].end].strip() for block in blocks[:MAX_STEPS]]


def prefixes(text: str, steps: Sequence[str]) -> list[str]:
    """Return the solution up to the end of each step, with the space behind it; no more where a step is not in the text."""
    begun: list[str] = []
    at = thoughts_end(text)
    for step in steps:
        start = text.find(step, at)
        if start < 0:
            break
        at = start + len(step)
        space = re.compile(r"\s*").match(text, at)
        begun.append(text[: space.end() if space else at])
    return begun


def thoughts_end(text: str) -> int:
    """Return where the thoughts end and the answer begins; 0 where nothing was thought aloud."""
    ends = [match.end() for match in _THOUGHTS.finditer(text)]
    return ends[-1] if ends else 0


def _lines(text: str) -> Iterator[_Line]:
    """The lines with content. Behind a bare heading `Answer`, or an open answer tag, those up to a gap are the answer."""
    at, blank, answering, answered = 0, False, False, False
    last: _Line | None = None
    for whole in text.splitlines(keepends=True):
        line = whole.strip()
        start, at = at, at + len(whole)
        if not line:
            blank, answering = True, answering and not answered
        elif answering and not _ANSWER_LINE.match(line.lstrip("*_ ")):
            blank, answered = True, True
            answering = "</answer>" not in line
        elif (_MARKUP_LINE.match(line) and line.lower() != "<answer>") or not _SAYS.search(line):
            if last is not None and not blank and line in _CLOSING:
                last.end = at
        elif _ANSWER_LINE.match(line.lstrip("*_ ")):
            opened = line.lower().startswith("<answer>") and "</answer>" not in line.lower()
            blank, answered = True, opened and len(line) > len("<answer>")
            answering = opened or _BARE_ANSWER_HEADING.match(line) is not None
        else:
            last = _Line(start, at, line, blank)
            blank = False
            yield last


def _begins(block: Sequence[_Line], line: _Line, numbered: bool) -> bool:
    """Whether a line begins a step: a numbered item does, and a paragraph that is not the display of the one before."""
    if numbered and _ITEM.match(line.text):
        return True
    if not line.after_blank:
        return False
    if _DISPLAY.match(line.text):
        return False
    return _TITLE.match(block[-1].text) is None or _is_opening(block)


def _after_plan(blocks: list[list[_Line]]) -> list[list[_Line]]:
    """The blocks behind the plan that they begin with; all where nothing else is there, or a single line is no plan."""
    plan = next((number for number, block in enumerate(blocks) if not _is_plan(block)), len(blocks))
    return blocks[plan:] if 2 <= plan < len(blocks) else blocks


def _joined(blocks: list[list[_Line]]) -> list[list[_Line]]:
    """The blocks, each that only announces in one with the next."""
    steps: list[list[_Line]] = []
    announced: list[_Line] = []
    for number, block in enumerate(blocks):
        if number + 1 < len(blocks) and _is_plan(block) and not _NUMBER.search(_words_of(block)):
            announced += block
            continue
        steps.append([*announced, *block])
        announced = []
    return steps


def _is_plan(block: Sequence[_Line]) -> bool:
    """Whether a block is one line that says what to calculate, and comes to nothing."""
    words = _words_of(block)
    return (
        len(block) == 1
        and _PLANS.match(words) is not None
        and _RESULT.search(words) is None
        and len(_NUMBER.findall(words)) < 2
    )


def _words_of(block: Sequence[_Line]) -> str:
    """A block's text without the number of its item and its marks."""
    text = re.sub(
        r"^[#*_> -]*(?:(?:step|part)\s+\d{1,3}\s*[:.)-]?|\(?\d{1,3}[.)])?[#*_:\s-]*",
        "",
        block[0].text,
        flags=re.IGNORECASE,
    )
    return " ".join([text, *(line.text for line in block[1:])])


def _is_opening(block: Sequence[_Line]) -> bool:
    """Whether a block only says what is about to be done: no equation, no number, and what follows is announced."""
    text = " ".join(line.text for line in block).lstrip("#*_> ")
    if re.search(r"[=≈]", text) or _ITEM.match(block[0].text):
        return False
    if _ANNOUNCES.search(text) and not re.search(r"\d\s*[-+*/×÷]\s*\d", text):
        return True
    return _OPENING.match(text) is not None and not re.search(r"\d", text)
