"""Whether a solution says one thing of the same quantity twice, with two numbers: "He buys 30 bags for $8 each ... for $4 each".

Two statements are compared that have the same words apart from numbers, and hold no sum, comparison or change in time. Two steps
that are headed alike ("Calculate the total number of bars he has:") come to one number. A share in words, "4 out of every 60", is
the problem's or one that was calculated, and what comes of a rate times its units is no rate. Of 2,000 of GSM8K's training
solutions one is refused.
"""

import re
from collections.abc import Iterator
from fractions import Fraction

from filters.base import PASS, Context, Finding, Options, fail, row_filter
from filters.rows import Row
from filters.worked import stated_before, worked_solution
from synth.problems.equations import strip_marks
from synth.problems.stated_numbers import among, calculated, has_unknowns, parts_of, stated_numbers
from synth.problems.steps import content_lines

_CLAUSE = re.compile(r"(?<=[.!?;,])\s+|\n")
_NUMBER = re.compile(r"(?<![\w.])[$£€]?\d[\d,]*(?:\.\d+)?(?![\w.]*\d)")
_SHARE = re.compile(r"(?<![\w.])(\d[\d,]{0,15}) out of (?:every )?(\d[\d,]{0,15})(?![\w.]*\d)")
_WORDING = re.compile(r"\\(?:text|mathrm)\s*\{\s*([^{}]*?)\s*\}")
_TIMES = re.compile(r"\\times|\\cdot|×")
_TOTAL = re.compile(
    r"(?:/|\bper )[a-z]+ *\* *\d[^=\n]{0,40}= *[$£€]?(\d+(?:\.\d+)?) *([a-z]{2,})\b(?! *(?:/|per\b|each\b|every\b|an?\b))",
    re.IGNORECASE,
)
_HEADING = re.compile(
    r"^[\W\d]*(?:step\s*\d+\W*)?(?:calculate|compute|determine|find|identify)\s+([^:\n.=]{8,120})$", re.IGNORECASE
)
_ENDS_STEP = re.compile(r"^\W*(?:(?:step\s*)?\d+[.):]|(?:so|thus|hence|therefore|finally)\b)", re.IGNORECASE)
_LEAST_WORDS = 4
_OPEN = re.compile(
    r"[=≈<>]|\b(?:now|then|still|left|remain\w*|after|before|next|another|other|later|again|more|rest|day|week|month|year|hour|step|first"
    r"|second|third|one|each of|total|some|if|has|have|had|is|are|was|were)\b",
    re.IGNORECASE,
)
_NO_SUBJECT = re.compile(
    r"(?:with|at|in|on|for|by|from|to|of|if|as|while|when|out|up|about|over|\w+ing|\W)\b", re.IGNORECASE
)
_FILLER = frozenset(
    {"so", "and", "then", "therefore", "thus", "hence", "first", "next", "since", "because", "at", "for", "the", "a"}
)


@row_filter("contradicting_statements", version="2")
def contradicting_statements(row: Row, context: Context, options: Options) -> Finding:
    """No statement of a worked solution is made twice with different numbers, and a share in words is one of its numbers."""
    if (solution := worked_solution(row)) is None or (row.kind == "stepwise" and row.learned):
        return PASS
    plain = strip_marks(solution.replace("\\$", "$"))
    stated: dict[str, tuple[tuple[str, ...], str]] = {}
    for form, values, clause in _statements(plain):
        before = stated.setdefault(form, (values, clause))
        if before[0] != values:
            return fail("two_values", text=clause[:200], other=before[1][:200])
    if (twice := _headed_alike(plain)) is not None:
        return fail("two_results", **twice)
    rate = _rate(plain, "\n".join(content for role, content in row.messages if role != "assistant"))
    return _share(plain, row, context) if rate is None else fail("total_as_rate", text=rate)


def _statements(text: str) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Yield the clauses that state numbers: their words, their numbers, and the clause."""
    for clause in _CLAUSE.split(text):
        values = tuple(number.strip("$£€").replace(",", "") for number in _NUMBER.findall(clause))
        words = [word for word in re.findall(r"[a-z']+|#", _NUMBER.sub("#", clause).lower()) if word not in _FILLER]
        if _NO_SUBJECT.match(clause):
            continue  # "Travelling at 50 miles an hour, Ann ...; travelling at 60, Ben ..."
        if values and _OPEN.search(clause) is None and sum(word != "#" for word in words) >= _LEAST_WORDS:
            yield " ".join(words), values, clause.strip()


def _headed_alike(text: str) -> dict[str, str] | None:
    """Return two steps under one heading that come to different numbers; None where there are none, or unknowns."""
    results: dict[str, Fraction] = {}
    for heading, lines in _headed_steps(text):
        if (result := _result(lines)) is None:
            continue
        if results.setdefault(heading, result) != result:
            return (
                None
                if has_unknowns(text)
                else {"heading": heading[:200], "first": str(results[heading]), "second": str(result)}
            )
    return None


def _headed_steps(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the steps that a heading says the aim of: its words, and the lines below it."""
    heading, lines = "", []
    for line in content_lines(text):
        match = _HEADING.match(line.rstrip("*:. "))
        if match is None and not _ENDS_STEP.match(line):
            lines.append(line)
            continue
        if heading:
            yield heading, lines
        heading, lines = " ".join(re.findall(r"[a-z']+", match[1].lower())) if match else "", []
    if heading:
        yield heading, lines


def _result(lines: list[str]) -> Fraction | None:
    """Return what the last equation of some lines comes to, or the only number that they state."""
    if equations := calculated(lines):
        return equations[-1].right.value
    values = {number.value for number in stated_numbers("\n".join(lines))}
    return values.pop() if len(values) == 1 else None


def _rate(text: str, asked: str) -> str | None:
    """Return what says of a total that it is each month's: "3 kg/month * 4 months = 12 kg ... 12 kg per month"."""
    text = _TIMES.sub("*", _WORDING.sub(r"\1", text))
    for value, unit in _TOTAL.findall(text):
        as_rate = re.compile(
            rf"(?<![\w.]){re.escape(value)} ?{re.escape(unit)} (?:per|each|every|an?) [a-z]+", re.IGNORECASE
        )
        if (match := as_rate.search(text)) is not None and as_rate.search(asked) is None:
            return match[0]
    return None


def _share(text: str, row: Row, context: Context) -> Finding:
    """Look for a share in words that is neither the problem's nor calculated; the row's numbers are read for the first share."""
    given: set[Fraction] | None = None
    for part, whole in _SHARE.findall(text):
        first, second = Fraction(part.replace(",", "")), Fraction(whole.replace(",", ""))
        if given is None:
            given = stated_before(row, context)
        if not second or {first, second} <= given:
            continue
        if not among(first / second, given | parts_of(calculated(content_lines(text)))):
            return fail("share_from_nowhere", text=f"{part} out of {whole}")
    return PASS
