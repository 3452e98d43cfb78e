"""Find the final answer in what a model wrote, and compare it with the gold answer, exactly.

Comparison is typed: integers, decimals and fractions become exact fractions, never floats. What is not a plain number
is either the same text or unverifiable. Two units that are both named must agree: `5 cm` is not `5 m`, and 100 cm are 1 m;
an answer without its unit is taken for one in the gold answer's. Not covered here: algebraic or LaTeX equivalence, sets and
intervals, numbers in words.
"""

import re

from synth.answers.numbers import MAX_ANSWER, Number, format_number, plain, read_number
from synth.answers.outcome import Check, Outcome
from synth.answers.units import compare_units

NO_ANSWER = "no_answer"
WRONG_ANSWER = "wrong_answer"
UNPARSABLE_ANSWER = "unparsable_answer"
_REASONS = {Outcome.CORRECT: None, Outcome.WRONG: WRONG_ANSWER, Outcome.UNVERIFIABLE: UNPARSABLE_ANSWER}

MAX_SCANNED = 32_000  # only the end of a response is searched for its answer

_BOXED = re.compile(r"\\(?:f?boxed|fbox)\s*\{")
_HASHES = re.compile(r"^[ \t]*#{4}(?!#)[ \t]*(.*)$", re.MULTILINE)
_OPENED = re.compile(r"<answer>", re.IGNORECASE)
_CLOSED = re.compile(r"</answer>", re.IGNORECASE)
_PHRASE = re.compile(
    r"(?:\banswer\s*(?:\bis\b|\bwas\b|\b(?:would|will|should|must)\s+be\b|:|=)|^[ \t]*a[ \t]*:)[ \t]*:?",
    re.IGNORECASE | re.MULTILINE,
)
_BOLD = re.compile(r"\*\*([^*\n]+)\*\*")
_ANSWER_HEADING = re.compile(r"^(?:the\s+)?(?:final\s+)?answer\s*:?$", re.IGNORECASE)
_OTHER_HEADING = re.compile(
    r"^(?:step|part|case|solution|calculation|explanation|conclusion|summary|verification|check|given|understand\w*)\b",
    re.IGNORECASE,
)
_AFTERTHOUGHT = re.compile(r"(?<=\S)(?:,\s*(?:because|since|as|so|which|where|given)\b|\s+because\b).*$", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)")
_EQUALS = re.compile(r"^(?:[A-Za-z]|[\d\s+\-*/x×÷().,$%]+)\s*=\s*(?=[^=]+$)")


def final_answer(text: str) -> str | None:
    r"""Extract the final answer that a response marks as such.

    Marks, strongest first: `#### X`, `\boxed{X}` and `<answer>X</answer>` (the last of them wins); "the answer is X",
    "answer: X" and a line `A: X`; one bold span in the last line. Without a mark there is no answer: the last number of
    a text is never taken for it. What a model wrote before `</think>` does not count.
    """
    found = final_part(text) or _bold(_after_thinking(text))
    return (_one_line(found) or None) if found else None


def final_part(text: str) -> str | None:
    """Return everything from the mark of the final answer on, for answers of several lines; None without a mark.

    Bold text alone is no mark here.
    """
    return _marked(_after_thinking(text))


def normalise(text: str) -> str:
    """Give an answer its normal form: a plain number without separators, currency and unit, or lower-case text."""
    number = read_number(text)
    return format_number(number.value) if number is not None else _fold(text)


def compare(gold: str, answer: str | None) -> Check:
    """Compare an extracted answer with the gold answer.

    Two plain numbers are equal or not, exactly; where both name a unit that is known, quantities are. Anything else is
    correct when it is the same text in normal form and unverifiable when it is not. A percentage (or cents) against a
    hundredth of it is unverifiable too.
    """
    if answer is None or not answer.strip():
        return Check(Outcome.UNVERIFIABLE, None, NO_ANSWER)
    if len(answer) > MAX_ANSWER or len(gold) > MAX_ANSWER:
        return Check(Outcome.UNVERIFIABLE, answer[:MAX_ANSWER], UNPARSABLE_ANSWER)
    left, right = read_number(gold), read_number(answer)
    if left is None or right is None:
        same = _fold(gold) == _fold(answer) != ""
        outcome = Outcome.CORRECT if same else Outcome.UNVERIFIABLE
        return Check(outcome, normalise(answer), None if same else UNPARSABLE_ANSWER)
    both_named = left.unit and right.unit and left.unit != right.unit
    outcome = (compare_units(left, right) if both_named else None) or _compare_values(left, right)
    return Check(outcome, format_number(right.value), _REASONS[outcome])


def _compare_values(left: Number, right: Number) -> Outcome:
    if left.value == right.value:
        return Outcome.CORRECT
    hundredth = left.value == right.value * 100 or left.value * 100 == right.value
    return Outcome.UNVERIFIABLE if hundredth and left.in_hundredths != right.in_hundredths else Outcome.WRONG


def _after_thinking(text: str) -> str:
    """Cut off the thinking; a thought that was never closed has no answer after it."""
    closed = text.rfind("</think>")
    if closed >= 0:
        text = text[closed + len("</think>") :]
    if "<think>" in text:
        text = text[: text.index("<think>")]
    return text[-MAX_SCANNED:]


def _marked(text: str) -> str | None:
    strong = _strong(text)
    if strong is not None:
        return strong
    bare = text.replace("**", "").replace("__", "").replace("`", "")
    phrases = list(_PHRASE.finditer(bare))
    return bare[phrases[-1].end() :].strip() or None if phrases else None


def _bold(text: str) -> str | None:
    """The one bold span of the last line."""
    lines = text.rstrip().splitlines()
    spans = _BOLD.findall(lines[-1]) if lines else []
    return spans[0].strip() or None if len(spans) == 1 else None


def _strong(text: str) -> str | None:
    """The content of the last strong mark, innermost mark first; None without one."""
    found: list[tuple[int, str]] = []
    closed = max((tag.start() for tag in _CLOSED.finditer(text)), default=-1)
    opened = [tag for tag in _OPENED.finditer(text) if tag.end() <= closed]
    if opened:
        inner = text[opened[-1].end() : closed]
        found.append((opened[-1].start(), _marked(inner) or inner.strip()))
    boxes = [(box.start(), _braced(text, box.end())) for box in _BOXED.finditer(text)]
    found.extend([(start, content) for start, content in boxes if content][-1:])
    for hashes in reversed(list(_HASHES.finditer(text))):
        line = hashes.group(1).strip().strip("*").strip()
        if _ANSWER_HEADING.match(line) or not line:
            found.append((hashes.start(), text[hashes.end() :].strip()))
        elif _OTHER_HEADING.match(line):
            continue
        else:
            rest = text[hashes.start(1) :]
            phrase = _PHRASE.search(line)
            found.append((hashes.start(), (line[phrase.end() :] if phrase else rest).strip()))
        break
    if not found:
        return None
    # Marks inside <answer> start later than the tag but say the same; the last start wins either way.
    return max(found)[1] or None


def _braced(text: str, start: int) -> str | None:
    """The text up to the brace that closes the one before `start`; None when it is never closed."""
    depth = 1
    for position in range(start, min(len(text), start + MAX_ANSWER)):
        if text[position] == "{":
            depth += 1
        elif text[position] == "}":
            depth -= 1
            if depth == 0:
                return text[start:position].strip()
    return None


def _one_line(found: str) -> str:
    """The first sentence of the first line, without markup around it."""
    line = next((line.strip() for line in found.splitlines() if line.strip()), "").strip("*_` \t")
    end = _SENTENCE_END.search(line)
    if end and (end.start() > 0 or end.end() == len(line)):
        line = line[: end.start()]
    line = _AFTERTHOUGHT.sub("", line).strip("*_` \t")
    return _EQUALS.sub("", line, count=1).strip() if len(line) <= MAX_ANSWER else line


def _fold(text: str) -> str:
    """Text in normal form, for comparing what is not a number."""
    return plain(text[: MAX_ANSWER * 4]).strip("$*_`.\"' ").casefold()
