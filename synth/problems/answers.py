"""Find the final answer in what a model wrote, and compare it with the gold answer, exactly.

Comparison is typed: integers, decimals and fractions become exact fractions, never floats. What is not a plain number
is either the same text or unverifiable. Not covered here: algebraic or LaTeX equivalence, units that must agree, sets
and intervals, numbers in words.
"""

import re
import unicodedata
from fractions import Fraction

from synth.problems.base import Check, Outcome

NO_ANSWER = "no_answer"
WRONG_ANSWER = "wrong_answer"
UNPARSABLE_ANSWER = "unparsable_answer"

MAX_SCANNED = 32_000  # only the end of a response is searched for its answer
MAX_ANSWER = 400  # characters; what is longer is not an answer
MAX_DIGITS = 60  # of one number

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
_GLOSS = re.compile(r"\s*\((?P<words>[a-z]+(?:[ -][a-z]+){0,6})\)$")
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)")
_EQUALS = re.compile(r"^(?:[A-Za-z]|[\d\s+\-*/x×÷().,$%]+)\s*=\s*(?=[^=]+$)")

_VULGAR = {
    character: unicodedata.normalize("NFKC", character).replace("\u2044", "/")
    for character in map(chr, range(0xBC, 0x218B))
    if unicodedata.decomposition(character).startswith("<fraction>") and unicodedata.numeric(character, 0) != 1
}
_LATEX_FRACTION = re.compile(r"\\[dt]?frac\s*\{\s*([^{}]*?)\s*\}\s*\{\s*([^{}]*?)\s*\}")
_LATEX_DIGITS = re.compile(r"\\[dt]?frac\s*([0-9])\s*([0-9])(?![0-9])")
_LATEX_TEXT = re.compile(r"\\(?:text|mathrm|mathbf|textbf|operatorname)\s*\{([^{}]*)\}")
_LATEX_SPACE = re.compile(r"(?<=[\d{}])~")  # a tilde before a number says that it is rounded
_LATEX_NOISE = re.compile(r"\\[,;:!()\[\] ]|\\(?:quad|left|right|displaystyle)\b|\^\s*\{?\\circ\}?")

_DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)"
_NUMBER = re.compile(
    rf"""^(?P<sign>[-+]?)\s*(?P<currency>[$€£¥]|usd|rs\.?)?\s*(?P<inner>[-+]?)
    (?:(?P<whole>{_DIGITS})\s+(?P<top>\d+)\s*/\s*(?P<bottom>\d+)
     |(?P<over>{_DIGITS})\s*/\s*(?P<under>{_DIGITS})
     |(?P<plain>{_DIGITS}(?:\.\d*)?|\.\d+))
    \s*(?P<unit>.*)$""",
    re.VERBOSE | re.DOTALL,
)
_UNIT = re.compile(r"^(?:[$€£¥%]|(?:[a-z]+(?:[-'/][a-z]+)*)(?:\s+[a-z]+(?:[-'/][a-z]+)*){0,5})?$")
# Words after a number that change its value, or say that it is not the whole answer.
_CHANGES = """
hundred hundreds thousand thousands million millions billion billions trillion dozen dozens k b bn mn half halves third
thirds quarter quarters fourth fourths fifth fifths tenth tenths squared cubed and or to plus minus times not than below
negative if but except approximately remainder over
"""
_CHANGES_VALUE = frozenset(_CHANGES.split())
_SHORT_UNITS = frozenset({"m", "g", "l", "s", "h"})
_HUNDREDTHS = frozenset({"%", "percent", "percents", "percentage", "cent", "cents", "¢"})


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
    number = parse_number(text)
    return format_number(number) if number is not None else _fold(text)


def parse_number(text: str) -> Fraction | None:
    """Read a plain number: integer, decimal, fraction or mixed number, currency and unit allowed; else None."""
    parsed = _parse(text)
    return None if parsed is None else parsed[0]


def format_number(value: Fraction) -> str:
    """Write a number exactly: as an integer, a finite decimal, or a fraction in lowest terms."""
    if value.denominator == 1:
        return str(value.numerator)
    twos = fives = 0
    rest = value.denominator
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    places = max(twos, fives)
    if rest != 1 or places > 12:
        return f"{value.numerator}/{value.denominator}"
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    return f"{'-' if value < 0 else ''}{digits[:-places]}.{digits[-places:]}"


def compare(gold: str, answer: str | None) -> Check:
    """Compare an extracted answer with the gold answer.

    Two plain numbers are equal or not, exactly. Anything else is correct when it is the same text in normal form and
    unverifiable when it is not. A percentage (or cents) against a hundredth of it is unverifiable too.
    """
    if answer is None or not answer.strip():
        return Check(Outcome.UNVERIFIABLE, None, NO_ANSWER)
    if len(answer) > MAX_ANSWER or len(gold) > MAX_ANSWER:
        return Check(Outcome.UNVERIFIABLE, answer[:MAX_ANSWER], UNPARSABLE_ANSWER)
    left, right = _parse(gold), _parse(answer)
    if left is None or right is None:
        same = _fold(gold) == _fold(answer) != ""
        outcome = Outcome.CORRECT if same else Outcome.UNVERIFIABLE
        return Check(outcome, normalise(answer), None if same else UNPARSABLE_ANSWER)
    (wanted, gold_in_hundredths), (given, in_hundredths) = left, right
    shown = format_number(given)
    if wanted == given:
        return Check(Outcome.CORRECT, shown)
    if gold_in_hundredths != in_hundredths and (wanted == given * 100 or wanted * 100 == given):
        return Check(Outcome.UNVERIFIABLE, shown, UNPARSABLE_ANSWER)
    return Check(Outcome.WRONG, shown, WRONG_ANSWER)


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
    plain = text.replace("**", "").replace("__", "").replace("`", "")
    phrases = list(_PHRASE.finditer(plain))
    return plain[phrases[-1].end() :].strip() or None if phrases else None


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


def _plain(text: str) -> str:
    """Undo typography: other digits, dashes and spaces, LaTeX around numbers. Superscripts stay, on purpose."""
    text = "".join(_VULGAR_SPACED.get(character, character) for character in text)
    text = _LATEX_TEXT.sub(r" \1", _LATEX_SPACE.sub(" ", text)).replace("{,}", ",")
    text = _LATEX_DIGITS.sub(r" \1/\2", _LATEX_FRACTION.sub(r" \1/\2", text))
    text = _LATEX_NOISE.sub("", text).replace("\\$", "$").replace("\\%", "%")
    text = text.replace("\u2212", "-").replace("\u2013", "-").replace("\uff0c", ",").replace("\uff0e", ".")
    return " ".join("".join(_ascii_digit(character) for character in text).split())


_VULGAR_SPACED = {character: f" {plain}" for character, plain in _VULGAR.items()}


def _ascii_digit(character: str) -> str:
    if character.isascii():
        return character
    value = unicodedata.decimal(character, None)
    return character if value is None else str(value)


def _fold(text: str) -> str:
    """Text in normal form, for comparing what is not a number."""
    return _plain(text[: MAX_ANSWER * 4]).strip("$*_`.\"' ").casefold()


def _parse(text: str) -> tuple[Fraction, bool] | None:
    """Read a plain number and whether it counts hundredths (percent, cents)."""
    if len(text) > MAX_ANSWER:
        return None
    plain = _plain(text).strip("*_` ")
    if len(plain) > 2 and plain[0] == plain[-1] == "$":
        plain = plain[1:-1]
    match = _NUMBER.match(_without_gloss(plain.rstrip(". ").casefold()))
    if match is None or (match["sign"] and match["inner"]) or sum(map(str.isdigit, plain)) > MAX_DIGITS:
        return None
    unit = match["unit"].strip()
    if not _unit_keeps_value(unit, glued=not plain[match.start("unit") - 1 : match.start("unit")].isspace()):
        return None
    value = _value(match)
    if value is None:
        return None
    negative = "-" in (match["sign"] + match["inner"])
    return -value if negative else value, unit in _HUNDREDTHS


def _without_gloss(text: str) -> str:
    """A number without its words in brackets, `5 (five)`, unless these may change it."""
    gloss = _GLOSS.search(text)
    if gloss is None or any(word in _CHANGES_VALUE for word in re.split("[ -]", gloss["words"])):
        return text
    return text[: gloss.start()]


def _unit_keeps_value(unit: str, *, glued: bool) -> bool:
    if unit in ("", "¢"):
        return True
    if not _UNIT.match(unit):
        return False
    words = unit.replace("-", " ").split()
    if any(word in _CHANGES_VALUE for word in words):
        return False
    first = words[0]
    return len(first) > 1 or not first.isalpha() or (first in _SHORT_UNITS and not glued) or first == "a"


def _value(match: re.Match[str]) -> Fraction | None:
    def whole(name: str) -> int:
        return int(match[name].replace(",", ""))

    if match["top"] is not None:
        top, bottom = whole("top"), whole("bottom")
        return whole("whole") + Fraction(top, bottom) if 0 < top < bottom else None
    if match["over"] is not None:
        return Fraction(whole("over"), whole("under")) if whole("under") else None
    return Fraction(match["plain"].replace(",", "").rstrip(".") or "0")
