"""Perplexity: how likely what a row teaches is to a model. Recorded; it rejects by the limits that a recipe sets, if any.

    models:
      scorer: {engine: vllm, endpoint: ..., name: ..., revision: ...}
    filters:
      perplexity: {role: scorer, limits: {math_word: {most: 40}}}

Scored is the text that is learned, by itself, without the question or a chat template, as web text is scored (CCNet,
arXiv:1911.00359). The number depends on the model and its tokenizer; there is no limit that suits every model, so none is set.
A row that could not be scored is `unknown` where a limit holds for its task, and passes with the reason in its detail where
none does. In `evidence` the value is the perplexity, and the text is the sum of the log-probabilities and their number, JSON.
"""

from collections.abc import Iterator, Mapping, Sequence

from pydantic import Field, model_validator

from filters.base import PASS, AskingOptions, Context, Finding, Options, fail, night_filter
from filters.findings import pass_but
from filters.questions import Asks, Evidence, LogProbability, NightRows, Reading
from filters.row_blocks import ids_of
from filters.rows import Row
from filters.text import clean
from synth.engines.scoring import Score


class Bounds(Options):
    """Limits of one task; None is no limit."""

    least: float | None = Field(
        default=None, ge=1, allow_inf_nan=False, description="Lowest perplexity; below it a text repeats itself."
    )
    most: float | None = Field(default=None, ge=1, allow_inf_nan=False, description="Highest perplexity.")

    @model_validator(mode="after")
    def _ordered(self) -> "Bounds":
        if self.least is not None and self.most is not None and self.least > self.most:
            raise ValueError("least is more than most: no row could pass")
        return self

    @property
    def rejects(self) -> bool:
        """Whether there is a limit."""
        return self.least is not None or self.most is not None


class PerplexityOptions(AskingOptions):
    """Options of `perplexity`; as they are it asks nobody and rejects nothing."""

    role: str | None = Field(default=None, description="Role in the recipe's models that scores; None asks nobody.")
    limits: Mapping[str, Bounds] = Field(default_factory=dict, description="Limits by task.")
    default: Bounds = Field(default=Bounds(), description="Limits of every other task.")


def scored_text(row: Row) -> str:
    """Return what is scored: the text that is learned, with the steps of a stepwise row; empty when there is none."""
    if row.kind == "prompt":
        return ""
    if row.kind == "text":
        return row.text or ""
    return "\n".join(part for part in (*(row.steps or ()), row.learned) if part)


def questions(night: NightRows, options: PerplexityOptions) -> Iterator[LogProbability]:
    """Ask about each standing row that has a text."""
    for row in night.standing_rows():
        text = scored_text(row)
        if text.strip():
            yield LogProbability(row.sample_id, "perplexity", clean(text))


def read(reply: str) -> Reading:
    """Return the perplexity, with what it is computed from as text."""
    return Reading(Score.from_json(reply).perplexity, reply)


@night_filter("perplexity", version="1", options=PerplexityOptions, asks=Asks(questions, read, scores=True))
def perplexity(rows: Sequence[Row], context: Context, options: PerplexityOptions) -> Mapping[str, Finding]:
    """What is learned is neither too likely nor too unlikely to a model, where the recipe sets limits; else it observes."""
    if options.role is None:
        return pass_but(ids_of(rows), {})
    evidence = context.evidence_of("perplexity")
    return {row.sample_id: _finding(row, evidence.get(row.sample_id, {}).get("perplexity"), options) for row in rows}


def _finding(row: Row, evidence: Evidence | None, options: PerplexityOptions) -> Finding:
    if evidence is None:  # rejected before, or there is no text
        return PASS
    bounds = options.limits.get(row.task, options.default)
    if evidence.value is None:
        if bounds.rejects:
            return Finding("unknown", evidence.text)
        return Finding("pass", detail={"not_scored": evidence.text})
    value = round(evidence.value, 4)
    detail = {"perplexity": value, "tokens": Score.from_json(evidence.text or "").tokens, "model": evidence.model}
    if bounds.most is not None and value > bounds.most:
        return fail("too_unlikely", **detail, limit=bounds.most)
    if bounds.least is not None and value < bounds.least:
        return fail("too_likely", **detail, limit=bounds.least)
    return Finding("pass", detail=detail)
