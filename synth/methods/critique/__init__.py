"""Step-wise critique with label-aware prompting (Math-Minos, arXiv:2406.14024): why each step is right or wrong.

Whoever is told the verdicts only has to explain them. A row is kept when the critic says what the labels say, for every
step, does not mention that it was told, and explains: what it says of a step holds no false equation, and what it says of a wrong
one is not that step again.
"""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from pydantic import Field

from synth.answers.outcome import Outcome
from synth.calls.ask import Reply
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
    """Read the verdict of each step from a critique; None unless every step has exactly one, and it names no step beyond them."""
    verdicts: dict[int, bool] = {}
    for number, _, verdict in _lines(text):
        if verdict is None:
            continue
        if number in verdicts:
            return None
        verdicts[number] = verdict
    others = any(int(head["named"]) > steps for head in _HEAD.finditer(text, thoughts_end(text)) if head["named"])
    if others or set(verdicts) != set(range(1, steps + 1)):
        return None  # a critique of four steps is none of a solution that has three
    return [verdicts[index] for index in range(1, steps + 1)]


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
        0,
        ge=0,
        le=64,
        description="Label steps by so many completions where no derivation is known, or not of every step; 0 refuses; ours.",
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
    labelled = await _labelled(problem, models, params, attempt.text, readable=about.readable)
    right = None if checked.outcome is Outcome.UNVERIFIABLE else checked.outcome is Outcome.CORRECT
    row = Sample(
        kind="stepwise",
        messages=models.messages("critique_question", steps=labelled.steps, answer=checked.answer),
        response="",
        steps=labelled.steps,
        labels=labelled.labels,
        attrs={
            "student_model": attempt.model,
            "final_label": right,
            "first_error_step": labelled.first_error(right is True),
            "label_source": labelled.source,
        },
        notes=StepwiseNotes(
            attempt=about,
            judgement=Judgement(agrees=None),
            refused=None if labelled.known else "unsure_step",
            complete=attempt.complete,
        ),
    )
    if not about.readable or not labelled.known or right is None:
        yield row  # there is nothing to explain that is known: the critic is not asked
        return
    reply = await models.teacher(
        "critique",
        steps=labelled.steps,
        labels=labelled.labels,
        final_right=right,
        attempt=attempt.text,
        max_tokens=params.max_tokens,
    )
    yield _criticised(row, reply, labelled, right, about, models)


def _criticised(
    row: Sample, reply: Reply, labelled: "_Labelled", right: bool, about: Attempt, models: Models
) -> Sample:
    """The row of an attempt with what the critic says of it."""
    labels = [label is True for label in labelled.labels]
    verdicts, final = read_verdicts(reply.text, len(labels)), read_final(reply.text)
    explanations = read_explanations(reply.text, len(labels))
    against = final is not None and final != right
    refused = "verdict_against_steps" if against and verdicts == labels else None
    if refused is None:
        refused = explains_nothing(labelled.steps, labels, explanations)
    # a verdict may be worded as the prompt words it; what explains may not
    if copied_line(_FINAL.sub("", reply.text), models.source("critique")) is not None:
        refused = "copied_prompt"
    return replace(
        row,
        response=reply.text,
        attrs={
            **row.attrs,
            "critic_verdicts": verdicts,
            "critic_final": final,
            "step_critiques": explanations,
            "label_agreement": _agreement(verdicts, labels),
        },
        notes=StepwiseNotes(
            attempt=about,
            judgement=Judgement(agrees=None if verdicts is None else verdicts == labels and not against),
            mentions_labels=mentions_labels(reply.text),
            refused=refused,
            complete=reply.complete,
        ),
        parents=[*(earlier.call_id for earlier in models.replies[:-1]), reply.call_id],
    )


@dataclass(frozen=True)
class _Labelled:
    """The steps of an attempt, whether each is right (None: nobody knows), and who says so: `rule`, `monte_carlo` or `none`."""

    steps: list[str]
    labels: list[bool | None]
    source: str

    @property
    def known(self) -> bool:
        """Whether every step has a label."""
        return None not in self.labels

    def first_error(self, right: bool) -> int | None:
        """The first wrong step, counted from 1; by rule, one past the last when all are right but the answer is not."""
        if not self.known:
            return None
        if False in self.labels:
            return self.labels.index(False) + 1
        return None if right or self.source != "rule" else len(self.steps) + 1


async def _labelled(
    problem: Problem, models: Models, params: CritiqueParams, attempt: str, *, readable: bool
) -> _Labelled:
    """Label the steps of an attempt by the rule, and by completions where it knows none or is not sure of all."""
    task = get_task(problem.task)
    review = task.review(problem, attempt)
    by_rule = None if review is None else _Labelled(list(review.steps), list(review.labels), "rule")
    if by_rule is not None and (by_rule.known or not params.completions):
        return by_rule
    if not params.completions:
        raise RequestRefused("no_derivation", f"no rule labels the steps of problem {problem.id}")
    steps = task.steps(attempt)
    if not readable:
        return by_rule or _Labelled(steps, [None] * len(steps), "none")
    values = await completion_values(
        problem,
        models,
        attempt,
        steps[: params.most_steps],
        completions=params.completions,
        temperature=params.temperature,
        max_tokens=params.attempt_tokens,
    )
    labels = [value > 0 for value in values]
    if by_rule is not None and any(sure not in (None, own) for sure, own in zip(by_rule.labels, labels, strict=False)):
        return by_rule  # the completions are against what the rule knows
    return _Labelled(steps[: len(values)], [*labels], "monte_carlo")


def _agreement(verdicts: Sequence[bool] | None, labels: Sequence[bool]) -> float | None:
    """Share of steps on which the critic says what the label says."""
    if not verdicts:
        return None
    return round(sum(verdict == label for verdict, label in zip(verdicts, labels, strict=True)) / len(labels), 4)
