"""Which problems may be the same in other words: near in meaning and in numbers.

Another wording keeps a problem's numbers, so the numbers say as much as the words. What is near is only a candidate: a judge
decides.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from filters.benchmarks import Item
from filters.leaks.benchmark_index import View
from filters.past_problems import PastProblem
from filters.rows import Row
from filters.text import is_number
from storage.ids import digest
from synth.embeddings.base import TF_IDF, Vectors
from synth.embeddings.neighbours import Neighbours, nearest
from synth.embeddings.opening import open_embedding
from synth.embeddings.tf_idf import TfIdf
from synth.problems.base import Problem

WEIGHTS = (0.7, 0.3)
"""What meaning and numbers count. Our own choice, by `benchmarks/curating/meaning.py`; halves find as many."""


class Nearness:
    """Compares problems by an embedding of their words and by their numbers.

    Args:
        embedding: `tf_idf`, a folder, or `owner/model` of the Hub (see `synth.embeddings.opening`).
        corpus: Texts that say how common words and numbers are.

    Raises:
        EmbeddingError: The embedding cannot be used.
    """

    def __init__(self, embedding: str, corpus: Sequence[str]) -> None:
        views = [View(text) for text in corpus]
        self._one_wording = embedding == TF_IDF
        self._embedding = open_embedding(embedding, [view.whole for view in views] if self._one_wording else ())
        self._numbers = TfIdf([_numbers(view) for view in views])

    def read(self, texts: Sequence[str]) -> list[Vectors]:
        """Return the vectors of texts: of their words, and of their numbers in one wording (`twenty` is `20`)."""
        views = [View(text) for text in texts]
        words = [view.whole for view in views] if self._one_wording else texts
        return [self._embedding.encode(words), self._numbers.encode([_numbers(view) for view in views])]

    @staticmethod
    def nearest(queries: Sequence[Vectors], vectors: Sequence[Vectors], *, most: int, least: float) -> Neighbours:
        """Return the nearest of each query; the similarity is the mean of both cosines by `WEIGHTS`."""
        return nearest(queries, vectors, most=most, least=least, weights=WEIGHTS)


def _numbers(view: View) -> str:
    """The numbers of a text as words: `1/2` and `0.5` stay one word each."""
    return " ".join(token.replace("/", "o").replace(".", "p") for token in view.tokens if is_number(token))


@dataclass(frozen=True)
class RowQuestion:
    """What rows are about: a problem as it is asked.

    Attributes:
        text: The problem.
        task: Its kind.
        gold: Its answer; empty where nobody knows it.
        rows: The rows about it, by sample id.
        first: The row that stands for it: the first that may be kept, None where none may.
    """

    text: str
    task: str
    gold: str
    rows: tuple[Row, ...]
    first: Row | None


@dataclass(frozen=True)
class Pair:
    """Two problems that are near.

    Attributes:
        question: Number of tonight's question.
        other: Text of the other one.
        similarity: How near they are.
        source: What the other one is, for the verdict: `benchmark` and `item`, or `kept` and `night`.
        earlier: Number of the other question, when it is of tonight too.
    """

    question: int
    other: str
    similarity: float
    source: Mapping[str, Any]
    earlier: int | None = None


def pair_name(text: str, other: str) -> str:
    """Name two problems, whichever comes first."""
    return f"pair/{digest('same problem', sorted([text, other]), length=16)}"


def questions_of(
    rows: Iterable[Row], problems: Mapping[str, Problem], eligible: AbstractSet[str] | None, exact: frozenset[str]
) -> list[RowQuestion]:
    """Return what a night's rows ask, by the first row about it that may be kept; tasks of exact structure are left out."""
    asked: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        problem = problems.get(row.problem_id or "")
        if problem is None or problem.task in exact:
            continue
        own = getattr(row.notes, "question", None)
        text, gold = (problem.prompt, problem.gold) if own is None else (row.asked, own.gold or "")
        asked.setdefault((text, problem.task, gold), []).append(row)
    questions = []
    for (text, task, gold), about in asked.items():
        ordered = tuple(sorted(about, key=lambda row: row.sample_id))
        first = next((row for row in ordered if eligible is None or row.sample_id in eligible), None)
        questions.append(RowQuestion(text, task, gold, ordered, first))
    return sorted(
        questions, key=lambda question: (question.first is None, (question.first or question.rows[0]).sample_id)
    )


def find_pairs(
    questions: Sequence[RowQuestion],
    items: Sequence[Item],
    past: Sequence[PastProblem],
    *,
    embedding: str,
    most: int,
    least: float,
) -> list[Pair]:
    """Find the items, the older problems and tonight's earlier problems that are near each question.

    Problems of our own are compared where task and answer are the same: one problem has one answer.

    Args:
        questions: Tonight's, in the order in which the first one wins.
        items: What no row may hold.
        past: Problems of rows that were accepted before.
        embedding: See `Nearness`.
        most: Most neighbours of a question among the items, and among the others.
        least: Similarity from which on two problems are near.
    """
    nearness = Nearness(embedding, [item.prompt for item in items])
    vectors = nearness.read([question.text for question in questions])
    pairs = []
    near = nearness.nearest(vectors, nearness.read([item.prompt for item in items]), most=most, least=least)
    for number, row, similarity in _triples(near):
        item = items[row]
        pairs.append(Pair(number, item.prompt, similarity, {"benchmark": item.benchmark, "item": item.item}))
    groups: dict[tuple[str, str], tuple[list[int], list[PastProblem]]] = {}
    for number, question in enumerate(questions):
        groups.setdefault((question.task, question.gold), ([], []))[0].append(number)
    for problem in past:
        if group := groups.get((problem.task, problem.gold)):
            group[1].append(problem)
    for numbers, older in groups.values():
        if len(numbers) + len(older) > 1:
            pairs += _own_pairs(nearness, questions, [part[numbers] for part in vectors], numbers, older, most, least)
    return sorted(pairs, key=lambda pair: (pair.question, "kept" in pair.source, -pair.similarity, pair.other))


def _own_pairs(
    nearness: Nearness,
    questions: Sequence[RowQuestion],
    vectors: Sequence[Vectors],
    numbers: Sequence[int],
    older: Sequence[PastProblem],
    most: int,
    least: float,
) -> Iterable[Pair]:
    if older:
        near = nearness.nearest(vectors, nearness.read([problem.prompt for problem in older]), most=most, least=least)
        for at, row, similarity in _triples(near):
            problem, question = older[row], questions[numbers[at]]
            if problem.prompt != question.text:
                source = {"kept": problem.sample_id, "night": problem.night}
                yield Pair(numbers[at], problem.prompt, similarity, source)
    for at, row, similarity in _triples(nearness.nearest(vectors, vectors, most=2 * most + 1, least=least)):
        earlier = questions[numbers[row]]
        if row < at and earlier.first is not None:
            kept = {"kept": earlier.first.sample_id, "night": earlier.first.night}
            yield Pair(numbers[at], earlier.text, similarity, kept, numbers[row])


def _triples(near: Neighbours) -> Iterable[tuple[int, int, float]]:
    return zip(near.queries.tolist(), near.rows.tolist(), near.similarity.tolist(), strict=True)
