"""Whether a row stays on the topic of its problem, as a model sees it: a filter that asks, in one file and a prompt.

models:
  reader: {engine: vllm, endpoint: ..., name: ..., revision: ...}
filters:
  example_on_topic: {role: reader}
"""

from collections.abc import Iterator, Mapping, Sequence

from pydantic import Field

from filters.base import PASS, AskingOptions, Context, Finding, fail, night_filter
from filters.questions import Asks, Chat, NightRows, Reading
from filters.rows import Row
from synth.engines.base import Sampling


class OnTopicOptions(AskingOptions):
    """Options of `example_on_topic`."""

    role: str | None = Field(default=None, description="Role in the recipe's models that reads; None asks nobody.")
    max_tokens: int = Field(default=4, ge=1, description="Upper bound on an answer.")


def questions(night: NightRows, options: OnTopicOptions) -> Iterator[Chat]:
    """Ask about every standing row of a problem."""
    sampling = Sampling(0.0, options.max_tokens, 1.0, (), None)
    for row in night.standing_rows():
        if row.problem_id in night.problems:
            yield Chat(
                row.sample_id,
                "topic",
                "example_on_topic",
                night.problems[row.problem_id],
                {"text": row.learned},
                sampling,
            )


def read(reply: str) -> Reading:
    """Read yes as 1, no as 0; anything else is kept as text."""
    answer = reply.strip().lower().rstrip(".")
    return Reading({"yes": 1.0, "no": 0.0}.get(answer), None if answer in ("yes", "no") else reply)


@night_filter(
    "example_on_topic",
    version="1",
    options=OnTopicOptions,
    asks=Asks(questions, read, max_tokens=lambda options: options.max_tokens),
)
def example_on_topic(rows: Sequence[Row], context: Context, options: OnTopicOptions) -> Mapping[str, Finding]:
    """A model says that the row stays on the topic of its problem; rows that it was not asked about pass."""
    evidence = context.evidence_of("example_on_topic")
    return {
        row.sample_id: _finding({name: item.value for name, item in evidence.get(row.sample_id, {}).items()})
        for row in rows
    }


def _finding(values: Mapping[str, float | None]) -> Finding:
    if "topic" not in values:
        return PASS
    if values["topic"] is None:
        return Finding("unknown", "no_answer")
    return PASS if values["topic"] else fail("off_topic")
