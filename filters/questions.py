"""What a filter asks a model: it says which questions it has about a night's rows and how it reads an answer, and no more.

    class TopicOptions(AskingOptions):
        role: str | None = Field(default=None, description="Role in the recipe's models that reads the rows.")

    def questions(night: NightRows, options: TopicOptions) -> Iterator[Chat]:
        for row in night.standing_rows():
            yield Chat(row.sample_id, "topic", "topic", night.problems[row.problem_id], {"text": row.learned}, Sampling(0.0, 8))

    @night_filter("topic", version="1", options=TopicOptions, asks=Asks(questions, read=read_topic))
    def topic(rows, context, options): ...

`filters.night.ask_models` asks between synthesis and curation, once per night, when the recipe names a role. Each call goes through
the ledger. Each answer, or the reason why there is none, is a row of the lake's `evidence` of the filter's name, and comes
back to the filter as `context.evidence_of("topic")`. Prompts are the `.jinja` files beside the filter's module.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from filters.benchmarks import BenchmarkManifest
from filters.past_problems import PastProblem
from filters.rows import Row
from synth.engines.base import Sampling
from synth.problems.base import Problem


@dataclass(frozen=True, slots=True)
class Chat:
    """A question in words; greedy unless the sampling says otherwise.

    Attributes:
        sample_id: The row that it is about.
        name: What of it, as `evidence.name`; the same row and name are asked once.
        prompt: Name of the prompt, a `.jinja` file beside the filter's module.
        problem: The prompt's `problem`.
        inputs: What else the prompt names.
        sampling: How the answer is sampled.
    """

    sample_id: str
    name: str
    prompt: str
    problem: Problem
    inputs: Mapping[str, Any]
    sampling: Sampling


@dataclass(frozen=True, slots=True)
class LogProbability:
    """How likely a text is to the model; its engine must be vllm, which scores prompts.

    Attributes:
        sample_id: The row that it is about.
        name: What of it, as `evidence.name`.
        text: The text, sent as it stands.
    """

    sample_id: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Answered:
    """How likely an answer is to be right; its engine must be verifier.

    Attributes:
        sample_id: The row that it is about.
        name: What of it, as `evidence.name`.
        question: What was asked.
        answer: What was answered.
    """

    sample_id: str
    name: str
    question: str
    answer: str


Question = Chat | LogProbability | Answered


@dataclass(frozen=True, slots=True)
class Reading:
    """What a filter reads in an answer.

    Attributes:
        value: A number; None when there is none.
        text: What is no number, or a stable word for why there is no value.
    """

    value: float | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """One answer about one row, as the lake keeps it.

    Attributes:
        value: The number; None when there is none.
        text: What is no number, or why there is no value: what the filter read, `budget`, or the engine's reason to refuse.
        model: Identity of the model; None when it was not asked.
    """

    value: float | None
    text: str | None
    model: str | None


@dataclass(frozen=True, slots=True)
class NightRows:
    """The rows of a night, for a filter that chooses what to ask.

    Attributes:
        rows: Every row, by sample id.
        standing: Ids of the rows that no verdict so far rejects.
        correct: Whether a row's answer is right, where a checker knows.
        problems: Problems by id.
        writers: Identities of the models that wrote parts of a row, by its id.
        model: Identity of the model that will be asked.
        manifest: The pinned benchmarks; None when there are none.
        heldout_prompts: Prompts of our own evaluation sets.
        past_problems: Returns the problems of rows accepted in other nights that could be one of tonight.
    """

    rows: Sequence[Row]
    standing: frozenset[str]
    correct: Mapping[str, bool]
    problems: Mapping[str, Problem]
    writers: Mapping[str, Collection[str]]
    model: str
    manifest: BenchmarkManifest | None = None
    heldout_prompts: frozenset[str] = frozenset()
    past_problems: Callable[[], Sequence[PastProblem]] = tuple

    def standing_rows(self) -> list[Row]:
        """Return the rows that no verdict so far rejects."""
        return [row for row in self.rows if row.sample_id in self.standing]


@dataclass(frozen=True)
class Asks:
    """What a filter asks; the options of such a filter are `filters.base.AskingOptions`.

    Attributes:
        questions: From a night's rows and the options to what is asked. It uses no clock and no randomness, so that a night
            that was killed asks the same again and finds its answers in the ledger.
        read: From the text of an answer to a value; for `LogProbability`, from a `synth.engines.scoring.Score` as JSON, for
            `Answered` from `{"score": p}`.
        scores: Whether the questions are `LogProbability`, which only some engines answer.
        verifies: Whether they are `Answered`.
        makes: Kinds of rows that are asked about, for `nightschool plan`.
        per_row: Most questions per row, for `nightschool plan`.
        max_tokens: Most tokens of an answer, for `nightschool plan`.
    """

    questions: Callable[[NightRows, Any], Iterable[Question]]
    read: Callable[[str], Reading]
    scores: bool = False
    verifies: bool = False
    makes: frozenset[str] = frozenset({"sft", "preference", "text", "stepwise"})
    per_row: int = 1
    max_tokens: Callable[[Any], int] = lambda options: 0
