"""Perplexity: how likely what a row teaches is to a model. Recorded; it rejects by the limits that a recipe sets, if any.

    models:
      scorer: {engine: vllm, endpoint: ..., name: ..., revision: ...}
    filters:
      perplexity: {role: scorer, limits: {math_word: {most: 40}}}

The rows are scored before curation (`filters.asking.scoring`): the text that is learned, by itself, without the question or a chat
template, as web text is scored (CCNet, arXiv:1911.00359). The number depends on the model and its tokenizer; there is no
limit that suits every model, so none is set. A row that could not be scored is `unknown` where a limit holds for its task,
and passes with the reason in its detail where none does.
"""

from collections.abc import Mapping, Sequence

from pydantic import Field, model_validator

from filters.base import PASS, Context, Finding, Options, fail, night_filter
from filters.evidence import Scored
from filters.rows import Row


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


class PerplexityOptions(Options):
    """Options of `perplexity`; as they are it asks nobody and rejects nothing."""

    role: str | None = Field(default=None, description="Role in the recipe's models that scores; None asks nobody.")
    limits: Mapping[str, Bounds] = Field(default_factory=dict, description="Limits by task.")
    default: Bounds = Field(default=Bounds(), description="Limits of every other task.")


@night_filter("perplexity", version="1", options=PerplexityOptions)
def perplexity(rows: Sequence[Row], context: Context, options: PerplexityOptions) -> Mapping[str, Finding]:
    """What is learned is neither too likely nor too unlikely to a model, where the recipe sets limits; else it observes."""
    if options.role is None:
        return {row.sample_id: PASS for row in rows}
    return {row.sample_id: _finding(row, context.perplexities.get(row.sample_id), options) for row in rows}


def _finding(row: Row, found: Scored | None, options: PerplexityOptions) -> Finding:
    if found is None:  # rejected before, or there is no text
        return PASS
    bounds = options.limits.get(row.task, options.default)
    if found.score is None:
        if bounds.rejects:
            return Finding("unknown", found.reason)
        return Finding("pass", detail={"not_scored": found.reason})
    value = round(found.score.perplexity, 4)
    said = {"perplexity": value, "tokens": found.score.tokens, "model": found.model}
    if bounds.most is not None and value > bounds.most:
        return fail("too_unlikely", **said, limit=bounds.most)
    if bounds.least is not None and value < bounds.least:
        return fail("too_likely", **said, limit=bounds.least)
    return Finding("pass", detail=said)
