"""Step-wise critique with label-aware prompting (Math-Minos, arXiv:2406.14024): why each step is right or wrong.

Whoever is told the verdicts only has to explain them. A row is kept when the critic says what the labels say, for every
step, does not mention that it was told, and explains: what it says of a step holds no false equation, and what it says of a wrong
one is not that step again.
"""

import re
from collections.abc import AsyncIterator, Sequence

from pydantic import Field

from synth.answers.outcome import Outcome
from synth.calls.models import Models
from synth.engines.base import RequestRefused
from synth.methods.base import Params, method
from synth.methods.copying import copied_line, repeats
from synth.methods.leaks import mentions_labels
from synth.methods.step_labels import completion_values
from synth.notes import Attempt, Judgement, StepwiseNotes
from synth.problems import get_task
from synth.problems.base import Problem
from synth.problems.equations import false_equation
from synth.problems.steps import thoughts_end
from synth.sample import Sample

_HEAD = re.compile(
    r"^[ \t>#*_`\-•]*(?:(?:step|line)[ \t]*(?P<named>\d{1,4})|(?P<bare>\d{1,4})(?=[.):]))(?P<rest>.*)$", re.I | re.M
)
_WORD = re.compile(
    r"^[\s*_`:.)\]\[(\-–—=>|]*(?:\((?:[^()\n]{1,200})\)[\s*_`:\-–—]*)?(?:(?:verdict|label|judge?ment)[\s*_`:]*)?"
    r"(?:(?:this|the)\s+step\s+)?(?:is|was)?[\s*_`]*(?:[✅❌✓✗✔✘☑]\ufe0f?[\s*_`]*)?(?P<not>not\s+|in)?[*_`]*"
    r"(?P<word>right|correct|valid|wrong|false|erroneous)\b",
    re.I,
)
_TAIL = re.compile(r"[\s.:;,(\[*_`\-–—→>]+(?P<word>right|correct|wrong|incorrect)[\])*_`.!\s]*$", re.I)
_TURNED = re.compile(
    r"(?:\b(?:not|never|no|nothing|none|neither|nor|hardly|barely|scarcely|partly|partially|half|halfway|almost|nearly|mostly|"
    r"far\s+from|anything\s+but|cannot\s+be|without)|n['’]t)(?:\s+\w+){0,3}\W*$",
    re.I,
)
"""Words before a verdict that turn or weaken it: it is then not read."""
_SIGN = re.compile(r"^[\s*_`:.)\]\[(\-–—]*(?P<sign>[✅❌✓✗✔✘☑])")
_TICKS = "✅✓✔☑"
_FINAL = re.compile(
    r"^[ \t>#*_`\-•]*(?:(?:the\s+)?(?:final|overall)\s+)?(?:verdict|judge?ment|answer|conclusion)\b(?P<rest>[^\n]*)",
    re.I | re.M,
)
_IS = re.compile(r"[\s*_`]*(?:is|was)\b")
_STATES = re.compile(
    r"\b(?:this|the|that|so)?\s*(?:step|calculation|it)\s+(?:is|was)\s+(?P<not>not\s+|in)?(?P<word>right|correct|wrong|erroneous)\b",
    re.I,
)
_OPENING = re.compile(r"\A.{0,40}?\b(?:right|correct|wrong|incorrect)\b", re.I)
"""A step's number and its verdict, before what is said of it."""
_EITHER = re.compile(r"^[\s*_`]*(?:/|,|\bor\b)[\s*_`]*(?:right|correct|wrong|incorrect|false)\b", re.I)
"""After a verdict word: both are named, as a copied form does."""


def read_verdicts(text: str, steps: int) -> list[bool] | None:
    """Read the verdict of each step from a critique; None unless every step has exactly one."""
    verdicts: dict[int, bool] = {}
    for number, _, verdict in _lines(text):
        if verdict is None:
            continue
        if number in verdicts:
            return None
        verdicts[number] = verdict
    return [verdicts[index] for index in range(1, steps + 1)] if set(verdicts) == set(range(1, steps + 1)) else None


def read_explanations(text: str, steps: int) -> list[str]:
    """Read what a critique says of each step; empty where it says nothing."""
    lines = [(number, start) for number, start, verdict in _lines(text) if verdict is not None]
    explanations = [""] * steps
    ends = [start for _, start in lines[1:]]
    for (number, start), end in zip(lines, [*ends, len(text)], strict=False):
        if 1 <= number <= steps:
            final = _FINAL.search(text, start, end)
            explanations[number - 1] = text[start : final.start() if final and final.start() > start else end].strip()
    return explanations


def explains_nothing(steps: Sequence[str], labels: Sequence[bool], explanations: Sequence[str]) -> str | None:
    """Return why explanations are none: one calculates wrongly, or says a wrong step again."""
    if any(false_equation(explanation) is not None for explanation in explanations):
        return "false_explanation"
    wrong = [(step, said) for step, said, label in zip(steps, explanations, labels, strict=True) if not label]
    return "repeats_step" if any(repeats(step, _OPENING.sub("", said, count=1)) for step, said in wrong) else None


def read_final(text: str) -> bool | None:
    """Read what the last verdict of a critique says of the final answer: "Verdict: right", or "The final answer is right".

    None where there is no such line, or it says neither.
    """
    for line in reversed(list(_FINAL.finditer(text, thoughts_end(text)))):
        stated = _IS.match(line["rest"])
        verdict = line["rest"][stated.end() :] if stated else line["rest"].partition(":")[2]
        if verdict:
            return _verdict(verdict)
    return None


def _lines(text: str) -> list[tuple[int, int, bool | None]]:
    """Number, start and verdict of every line that is about a step."""
    start = thoughts_end(text)
    lines: list[tuple[int, int, bool | None]] = []
    for head in _HEAD.finditer(text, start):
        lines.append((int(head["named"] or head["bare"]), head.start(), _verdict(head["rest"])))
    return lines


def _verdict(rest: str) -> bool | None:
    sign = _SIGN.match(rest)
    word = _WORD.match(rest)
    if word is None and sign is not None:
        return sign["sign"] in _TICKS
    if word is None:  # the step written out again, its verdict at the end of the line
        tail = _TAIL.search(rest)
        if tail is not None and _TURNED.search(rest[: tail.start("word")]):
            return None
        return None if tail is None else tail["word"].lower() in ("right", "correct")
    right = (word["word"].lower() in ("right", "correct", "valid")) != bool(word["not"])
    after = rest[word.end() :]
    if _EITHER.match(after) or any(_says(stated) != right for stated in _STATES.finditer(after)):
        return None
    return None if sign is not None and (sign["sign"] in _TICKS) != right else right


def _says(stated: re.Match[str]) -> bool:
    return (stated["word"].lower() in ("right", "correct")) != bool(stated["not"])


class CritiqueParams(Params):
    """Parameters of `critique`."""

    temperature: float | None = Field(
        None, ge=0, description="Of the student's attempt; None lets the role or its model decide."
    )
    attempt_tokens: int = Field(512, ge=1, description="Upper bound on the student's attempt; ours.")
    max_tokens: int = Field(
        1024, ge=1, description="Upper bound on the critique (the repository trains at length 1024)."
    )
    completions: int = Field(
        0, ge=0, le=64, description="Where no derivation is known, label steps by so many completions; 0 refuses; ours."
    )
    most_steps: int = Field(16, ge=1, le=200, description="Steps that are labelled by completion at most; ours.")


@method(
    "critique",
    paper="arXiv:2406.14024",
    makes=("stepwise",),
    roles=("student", "teacher"),
    params=CritiqueParams,
    calls=lambda params: {"student": 1 + params.completions * params.most_steps, "teacher": 1},
)
async def critique(problem: Problem, models: Models, params: CritiqueParams) -> AsyncIterator[Sample]:
    """The teacher explains, step by step, the known verdicts on a student's attempt."""
    attempt = await models.student("solve", temperature=params.temperature, max_tokens=params.attempt_tokens)
    task = get_task(problem.task)
    checked = task.check(problem, attempt.text)
    about = Attempt(text=attempt.text, readable=bool(task.steps(attempt.text)) and checked.answer is not None)
    steps, labels, source = await _labels(problem, models, params, attempt.text, readable=about.readable)
    right = checked.outcome is Outcome.CORRECT
    known_labels = [label for label in labels if label is not None]
    attrs = {
        "student_model": attempt.model,
        "final_label": None if checked.outcome is Outcome.UNVERIFIABLE else right,
        "first_error_step": _first_error(steps, labels, right, source),
        "label_source": source,
    }
    if not about.readable or len(known_labels) < len(labels) or checked.outcome is Outcome.UNVERIFIABLE:
        # there is nothing to explain that is known: the critic is not asked
        yield Sample(
            kind="stepwise",
            messages=models.messages("critique_question", steps=steps, answer=checked.answer),
            response="",
            steps=steps,
            labels=labels,
            attrs=attrs,
            notes=StepwiseNotes(
                attempt=about,
                judgement=Judgement(agrees=None),
                refused="unsure_step" if len(known_labels) < len(labels) else None,
                complete=attempt.complete,
            ),
        )
        return
    reply = await models.teacher(
        "critique",
        steps=steps,
        labels=known_labels,
        final_right=right,
        attempt=attempt.text,
        max_tokens=params.max_tokens,
    )
    verdicts, final = read_verdicts(reply.text, len(steps)), read_final(reply.text)
    against = final is not None and final != right
    refused = "verdict_against_steps" if against and verdicts == known_labels else None
    explanations = read_explanations(reply.text, len(steps))
    if refused is None:
        refused = explains_nothing(steps, known_labels, explanations)
    # a verdict may be worded as the prompt words it; what explains may not
    if copied_line(_FINAL.sub("", reply.text), models.source("critique")) is not None:
        refused = "copied_prompt"
    yield Sample(
        kind="stepwise",
        messages=models.messages("critique_question", steps=steps, answer=checked.answer),
        response=reply.text,
        steps=steps,
        labels=known_labels,
        attrs={
            **attrs,
            "critic_verdicts": verdicts,
            "critic_final": final,
            "step_critiques": explanations,
            "label_agreement": _agreement(verdicts, known_labels),
        },
        notes=StepwiseNotes(
            attempt=about,
            judgement=Judgement(agrees=None if verdicts is None else verdicts == known_labels and not against),
            mentions_labels=mentions_labels(reply.text),
            refused=refused,
            complete=reply.complete,
        ),
        parents=[*(earlier.call_id for earlier in models.replies[:-1]), reply.call_id],
    )


async def _labels(
    problem: Problem, models: Models, params: CritiqueParams, attempt: str, *, readable: bool
) -> tuple[list[str], list[bool | None], str]:
    """The steps of an attempt, whether each is right, and who says so: a rule, or completions where none is known."""
    task = get_task(problem.task)
    review = task.review(problem, attempt)
    if review is not None:
        return list(review.steps), list(review.labels), "rule"
    if not params.completions:
        raise RequestRefused("no_derivation", f"no rule labels the steps of problem {problem.id}")
    if not readable:
        steps = task.steps(attempt)
        return steps, [None] * len(steps), "none"
    steps = task.steps(attempt)[: params.most_steps]
    values = await completion_values(
        problem,
        models,
        attempt,
        steps,
        completions=params.completions,
        temperature=params.temperature,
        max_tokens=params.attempt_tokens,
    )
    return steps[: len(values)], [value > 0 for value in values], "monte_carlo"


def _first_error(steps: Sequence[str], labels: Sequence[bool | None], right: bool, source: str) -> int | None:
    """The first wrong step, counted from 1; by rule, one past the last when all are right but the answer is not."""
    if None in labels:
        return None
    if False in labels:
        return labels.index(False) + 1
    return None if right or source != "rule" else len(steps) + 1


def _agreement(verdicts: Sequence[bool] | None, labels: Sequence[bool]) -> float | None:
    """Share of steps on which the critic says what the label says."""
    if not verdicts:
        return None
    return round(sum(verdict == label for verdict, label in zip(verdicts, labels, strict=True)) / len(labels), 4)
