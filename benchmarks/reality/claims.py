"""What a solution says of its numbers, beside what it calculates: one thing with two numbers, numbers from nowhere or for nothing.

Read by patterns of its own, from the words alone.
"""

import re
from collections.abc import Iterator
from fractions import Fraction

_LATEX = (
    (re.compile(r"\\(?:text|mathrm|mathbf)\s*\{([^{}]*)\}"), r"\1"),
    (re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}"), r"\1/\2"),
    (re.compile(r"\\(?:times|cdot)"), "*"),
    (re.compile(r"\\div"), "/"),
    (re.compile(r"\\[\[\]()]"), "\n"),
    (re.compile(r"\\[,;:! ]|\\(?=[$%])|[*_]{2}"), ""),
    (re.compile(r"<<[^<>]*>>"), ""),
    (re.compile(r"(?<=\d),(?=\d{3}\b)"), ""),
)
_NUMBER = re.compile(r"(?<![\w.])(?:\d+(?:\.\d+)?|\.\d+)(?![\d]|\.\d|(?:st|nd|rd|th)\b|:\d)")
_SIGNS = re.compile(r"[=≈+*/×÷]|\d\s*[x−-]\s*\$?\d|\b(?:plus|minus|times|divided|equals)\b")
_LABEL = re.compile(r"^\s*(?:#+\s*)?(?:step\s*)?\d+[.):]\s*|\bstep\s+\d+", re.IGNORECASE | re.MULTILINE)
_UP_TO_TWENTY = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty"
)
_WORDS = {word: number for number, word in enumerate(_UP_TO_TWENTY.split())}
_WORDS |= {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "hundred": 100, "dozen": 12}
_PER_UNIT = {
    **dict.fromkeys(("second", "seconds"), ("time", 1)), **dict.fromkeys(("minute", "minutes"), ("time", 60)),
    **dict.fromkeys(("hour", "hours"), ("time", 3_600)), **dict.fromkeys(("day", "days"), ("time", 86_400)),
    **dict.fromkeys(("week", "weeks"), ("time", 604_800)), **dict.fromkeys(("month", "months"), ("months", 1)),
    **dict.fromkeys(("year", "years"), ("months", 12)), **dict.fromkeys(("inch", "inches"), ("length", 1)),
    **dict.fromkeys(("foot", "feet"), ("length", 12)), **dict.fromkeys(("yard", "yards"), ("length", 36)),
    **dict.fromkeys(("teaspoon", "teaspoons"), ("volume", 1)), **dict.fromkeys(("tablespoon", "tablespoons"), ("volume", 3)),
    **dict.fromkeys(("cup", "cups"), ("volume", 48)), **dict.fromkeys(("pint", "pints"), ("volume", 96)),
    **dict.fromkeys(("quart", "quarts"), ("volume", 192)), **dict.fromkeys(("gallon", "gallons"), ("volume", 768)),
    **dict.fromkeys(("ounce", "ounces"), ("mass", 1)), **dict.fromkeys(("pound", "pounds"), ("mass", 16)),
    **dict.fromkeys(("cent", "cents"), ("money", 1)), **dict.fromkeys(("dollar", "dollars"), ("money", 100)),
    **dict.fromkeys(("gram", "grams"), ("metric mass", 1)), **dict.fromkeys(("kg", "kilograms"), ("metric mass", 1_000)),
}  # fmt: skip
_AMOUNT = r"(\d+(?:\.\d+)?) ([a-z]{2,}(?: [a-z]{2,})?)"
_EQUATED = re.compile(rf"(?:^ *|[.:;(] +){_AMOUNT} = {_AMOUNT} *(?:[.;)]|$)", re.IGNORECASE | re.MULTILINE)
_ADDED = re.compile(rf"((?:{_AMOUNT} \+ )+{_AMOUNT}) = {_AMOUNT}", re.IGNORECASE)
_BOX = re.compile(r"\\boxed\s*\{([^{}]*)\}")
_SHARE = re.compile(r"\b(\d+) out of (?:every )?(\d+)\b")
_TOTAL = re.compile(
    r"\b(?:per|/)\s?\w+ ?\*[^=\n]*= *\$?(\d+(?:\.\d+)?) ?([a-z]+)\b(?! ?(?:/|per\b|an?\b|each\b))", re.IGNORECASE
)
_CHANGES = re.compile(
    r"\b(?:now|then|still|left|remain\w*|after|before|next|another|other|later|again|more|rest|day|week|month|year|hour|first|second|third"
    r"|one|total|some|if|has|have|had|is|are|was|were)\b"
)
_STOP = {"so", "and", "therefore", "thus", "hence", "since", "because", "at", "for", "the", "a", "an", "also"}
_COMPARED = re.compile(
    r"[<>]|\b(?:cheap|best|better|most|enough|winner|faster|longer|larger|whether|maximum|minimum|compar)",
    re.IGNORECASE,
)
_UNKNOWN = re.compile(r"(?<![\w'’\\$])\d*[b-zB-HJ-Z]\s*(?:[=+*/]|-\s)|[=+*/]\s*\d*[b-zB-HJ-Z](?![\w'’])")
_PLAN = re.compile(
    r"^\W*(?:step\s*)?(?:\d+[.):])?\W*(?:calculate|compute|determine|find|identify|add|subtract|multiply|divide|sum|use|convert)\b[^=\n]*$",
    re.IGNORECASE,
)
_RESULT = re.compile(r"=\s*\$?(\d+(?:\.\d+)?)(?![\d.]*(?:\s|[a-z]|/[a-z]){0,25}[*/+x×-]\s*[\d$(])")


def plain(text: str) -> str:
    """Return a text without LaTeX, calculator marks and commas in numbers."""
    for pattern, words in _LATEX:
        text = pattern.sub(words, text)
    return re.sub(r" +", " ", text)


def numbers(text: str) -> set[Fraction]:
    """Return the numbers of a text, those in words up to twenty and some above too."""
    in_words = {Fraction(_WORDS[word]) for word in re.findall(r"[a-z]+", text.lower()) if word in _WORDS}
    return {Fraction(number) for number in _NUMBER.findall(plain(text))} | in_words


def claims(problem: str, text: str, final: Fraction | None) -> list[str]:
    """Return what a solution says that cannot be, or that it has from nowhere, in words.

    Args:
        problem: What stands before: the problem, and an attempt that the text is about.
        text: The solution.
        final: The number that it ends with; None where it is a part, whose results may be used elsewhere.
    """
    boxes = {Fraction(box) for box in map(plain, _BOX.findall(text)) if re.fullmatch(r"\d+(?:\.\d+)?", box)}
    several = [f"boxes with {len(boxes)} numbers"] if len(boxes) > 1 else []
    words, given = plain(_BOX.sub(r"\1", text)), numbers(problem)
    return [
        *several,
        *_equated(words, given),
        *_twice(words),
        *_shares(words, given),
        *_totals(words, problem),
        *_flow(words, given, final),
    ]


def plan_line(step: str) -> bool:
    """Whether a step only says what to calculate."""
    return _PLAN.match(step.strip().strip("*")) is not None and len(_NUMBER.findall(_LABEL.sub("", step))) < 2


def calculated(text: str) -> set[frozenset[Fraction]]:
    """Return the numbers of each equation of a text, in words too and without ones: in whatever order they are calculated."""
    signs = re.sub(r"\bequals\b", "=", re.sub(r"\b(?:plus|minus|times|divided by)\b", "*", plain(text)))
    parts = re.findall(
        r"[\d.$%]+(?:[^=\d\n]{0,25}[-+*/x×][^=\d\n]{0,25}[\d.$%]+)+[^=\d\n]{0,25}=\s*\$?\d+(?:\.\d+)?", signs
    )
    return {frozenset(numbers(part) - {Fraction(1)}) for part in parts}


def operands_from_nowhere(problem: str, text: str) -> list[str]:
    """Return the numbers above 12 that a solution calculates with before it comes to them, and that its problem does not have."""
    words, given = plain(text), numbers(problem)
    results = (
        given
        | {100 - number for number in given}
        | {100 + number for number in given}
        | set(map(Fraction, (24, 60, 100)))
    )
    if not re.search(r"hour|minute|day|week|%|percent|cent|year", problem.lower()):
        results -= set(map(Fraction, (24, 60))) - given
    wrong = []
    for line in words.splitlines():
        for left, right in re.findall(r"([^=\n]*)=\s*\$?(\d+(?:\.\d+)?)", line):
            operands = numbers(left) if re.search(r"\d[^\d\n]{0,25}[-+*/x×]", left) else set()
            wrong += [
                f"calculates with a number from nowhere: {value}"
                for value in operands
                if value > 12 and value not in results
            ]
            results.add(Fraction(right))
    return wrong


def _equated(text: str, given: set[Fraction]) -> Iterator[str]:
    for match in _EQUATED.finditer(text):
        left, right = Fraction(match[1]), Fraction(match[3])
        left_unit, right_unit = _PER_UNIT.get(match[2].lower()), _PER_UNIT.get(match[4].lower())
        if left_unit and right_unit:
            if left_unit[0] == right_unit[0] and left * left_unit[1] != right * right_unit[1]:
                yield f"not equal: {match[0].strip()}"
        elif left != right and left and right and not {left / right, right / left} & (given | {Fraction(12)}):
            yield f"unlike things set equal: {match[0].strip()}"
    for match in _ADDED.finditer(text):
        terms = [*re.findall(_AMOUNT, match[1], re.IGNORECASE), (match[match.lastindex - 1], match[match.lastindex])]  # type: ignore[operator]
        units = [_PER_UNIT.get(unit.lower()) for _, unit in terms]
        values = [Fraction(value) * unit[1] for (value, _), unit in zip(terms, units, strict=True) if unit]
        if (
            len(values) == len(terms)
            and len({unit[0] for unit in units if unit}) == 1
            and sum(values[:-1]) != values[-1]
        ):
            yield f"units added as if they were one: {match[0]}"


def _sentences(text: str) -> list[str]:
    return [sentence for sentence in re.split(r"(?<=[.!?;,])\s+|\n", _LABEL.sub("", text)) if sentence.strip()]


def _twice(text: str) -> Iterator[str]:
    stated: dict[frozenset[str], list[str]] = {}
    for sentence in _sentences(text):
        values = _NUMBER.findall(sentence)
        bag = frozenset(re.findall(r"[a-z']+", sentence.lower())) - _STOP
        if (
            not values
            or len(bag) < 4
            or _SIGNS.search(sentence)
            or _CHANGES.search(sentence.lower())
            or not sentence[:1].isupper()
        ):
            continue
        if stated.setdefault(bag, values) != values and re.match(r"(?!With|At|In|On|For|By|\w+ing\b)", sentence):
            yield f"said with two numbers: {sentence.strip()}"


def _shares(text: str, given: set[Fraction]) -> Iterator[str]:
    explained = given | {Fraction(value) for value in _RESULT.findall(text)}
    for part, whole in _SHARE.findall(text):
        pair = {Fraction(part), Fraction(whole)}
        if (
            int(whole)
            and not pair <= given
            and not {Fraction(part) / int(whole), Fraction(100 * int(part), int(whole))} & explained
        ):
            yield f"a share from nowhere: {part} out of {whole}"


def _totals(text: str, problem: str) -> Iterator[str]:
    for value, unit in _TOTAL.findall(text):
        rate = re.compile(rf"(?<![\w.]){re.escape(value)} {re.escape(unit)} (?:per|each|an?) \w+", re.IGNORECASE)
        if (match := rate.search(text)) is not None and rate.search(problem) is None:
            yield f"a total said as a rate: {match[0]}"


def _flow(text: str, given: set[Fraction], final: Fraction | None) -> Iterator[str]:
    """Numbers that come from nowhere, and results that go nowhere; neither is asked of a text with unknowns."""
    if _UNKNOWN.search(text):
        return
    sentences = re.split(r"(?<=[.!?;])\s+|\n", _LABEL.sub("", text))
    calculating = [sentence for sentence in sentences if _SIGNS.search(sentence)]
    explained = given | {final} | {number for sentence in calculating for number in numbers(sentence)}
    explained |= {100 - number for number in explained if number is not None} | {
        number * 100 for number in explained if number is not None
    }
    for sentence in sentences if calculating else ():
        if (
            len(
                set(
                    re.findall(
                        r"hour|minute|second|day|week|month|year|dozen|cent|dollar|feet|foot|inch|%|\$",
                        sentence.lower(),
                    )
                )
            )
            > 1
        ):
            continue
        for value in () if _SIGNS.search(sentence) else sorted(numbers(sentence)):
            if value > 12 and value not in explained:
                yield f"a number from nowhere: {value} in {sentence.strip()}"
    results = {Fraction(value) for value in _RESULT.findall(text)}
    for match in _RESULT.finditer(text) if final is not None and not _COMPARED.search(text) else ():
        value, later = Fraction(match[1]), numbers(text[match.end() :])
        near = any(abs(other - value) < Fraction(1, 2) for other in later | {final} if other is not None)
        if (
            not near
            and value not in given | numbers(text[: match.start()])
            and all(other <= 12 or other in given | results | {final} for other in later)
        ):
            yield f"a result that nothing uses: {value}"
