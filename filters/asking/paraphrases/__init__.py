"""Problems that say in other words what a benchmark item, an older row or a row before it says.

    models:
      grader: {engine: vllm, endpoint: ..., name: ..., revision: ...}
    filters:
      paraphrases: {embedding: owner/static-model, role: grader}

What is near by an embedding (`filters.asking.paraphrases.near`) is put before a judge: "the same problem?". Its yes rejects
(`paraphrase`, with both texts), once it has proved itself on pairs that we wrote (`filters.asking.paraphrases.calibration`); until
then, without a judge, and for a pair that nobody judged, being near is only told in the detail. `distance_alone: fail` rejects it.

Not covered: plain texts, and what a response says beside its problem.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from filters.asking.paraphrases.calibration import judge_quality, known_pairs
from filters.asking.paraphrases.near import Pair, RowQuestion, find_pairs, pair_name, questions_of
from filters.base import PASS, AskingOptions, Context, Finding, fail, night_filter
from filters.benchmarks import BenchmarkManifest, Item, heldout_items
from filters.duplicates.sketch import EXACT_STRUCTURE
from filters.findings import pass_but
from filters.questions import Asks, Chat, Evidence, NightRows, Reading
from filters.row_blocks import ids_of
from filters.rows import Row
from storage.ids import seed_from
from synth.embeddings.base import TF_IDF
from synth.engines.base import Sampling
from synth.problems.base import Problem
from synth.problems.steps import thoughts_end
from synth.scorers.calibration import JudgeQuality

VERSION = "1"
_SAME = re.compile(r"^\W*same\W+(yes|no)\b\W*$", re.IGNORECASE | re.MULTILINE)


class ParaphraseOptions(AskingOptions):
    """Options of `paraphrases`."""

    role: str | None = Field(default=None, description="Role in the recipe's models that judges; None asks nobody.")
    embedding: str | None = Field(
        default=None,
        description="What finds near problems: `tf_idf`, a folder of a static model of model2vec, or `owner/model` of the "
        "Hugging Face Hub. None looks for nothing.",
    )
    least: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Similarity from which on two problems are near. None is 0.6 for a static model and 0.3 for `tf_idf`, by "
        "`benchmarks/curating/meaning.py`.",
    )
    neighbours: int = Field(
        default=3, ge=1, description="Most items, and most rows, that a problem is compared with. Our own choice."
    )
    distance_alone: Literal["pass", "fail"] = Field(
        default="pass",
        description="What becomes of a row whose problem is near another and that no trusted judge decided.",
    )
    exact_structure: frozenset[str] = Field(
        default=EXACT_STRUCTURE,
        description="Tasks whose canonical structure says exactly whether problems are the same.",
    )
    max_tokens: int = Field(default=256, ge=8, description="Upper bound on a judgement with its sentence.")

    @property
    def border(self) -> float:
        """Similarity from which on two problems are near, by what the embedding is."""
        return self.least or (0.3 if self.embedding == TF_IDF else 0.6)


def _near(
    rows: Sequence[Row],
    problems: Mapping[str, Problem],
    standing: AbstractSet[str] | None,
    known: Context | NightRows,
    options: ParaphraseOptions,
) -> tuple[list[RowQuestion], list[Pair]]:
    """Find what is near; the same before the judge is asked and after."""
    if options.embedding is None:
        return [], []
    questions = questions_of(rows, problems, standing, options.exact_structure)
    items = [item for item in _items(known.manifest, known.heldout_prompts) if item.task not in options.exact_structure]
    past = known.past_problems() if questions else ()
    pairs = find_pairs(
        questions, items, past, embedding=options.embedding, most=options.neighbours, least=options.border
    )
    return questions, pairs


def _items(manifest: BenchmarkManifest | None, heldout: frozenset[str]) -> list[Item]:
    return [*heldout_items(heldout), *(manifest.items() if manifest is not None else ())]


def questions(night: NightRows, options: ParaphraseOptions) -> Iterator[Chat]:
    """Ask about each pair that is near, once, and about the pairs that we know when there is any."""
    sampling = Sampling(0.0, options.max_tokens, 1.0, (), None)
    asked, pairs = _near(night.rows, night.problems, night.standing, night, options)
    named: dict[str, tuple[str, str, str]] = {}
    for pair in pairs:
        question = asked[pair.question]
        if question.first is not None:
            named.setdefault(
                pair_name(question.text, pair.other), (question.first.sample_id, question.text, pair.other)
            )
    if named:
        first = next(iter(named.values()))[0]
        named |= {known.name: (first, known.text, known.other) for known in known_pairs()}
    for name, (sample_id, text, other) in named.items():
        inputs = {"text": text, "other": other, "swapped": seed_from("same problem", name) % 2 == 0}
        problem = Problem(task="", source="", prompt=text, gold="", structure=text)
        yield Chat(sample_id, name, "same_problem", problem, inputs, sampling)


def read(reply: str) -> Reading:
    """Return 1 where the last line of the form `Same: yes` says so, 0 for `Same: no`."""
    answers = _SAME.findall(reply[thoughts_end(reply) :])
    return Reading(float(answers[-1].lower() == "yes")) if answers else Reading(None, "unreadable")


@dataclass(frozen=True)
class _Judge:
    """What a judge said, and whether it may decide."""

    answers: Mapping[str, float | None]
    quality: JudgeQuality

    def says(self, text: str, other: str) -> bool | None:
        """Whether two problems are the same; None where nobody may say so."""
        answer = self.answers.get(pair_name(text, other))
        return None if self.quality.fault or answer is None else answer == 1.0

    def detail(self) -> dict[str, Any]:
        """How far it is trusted, for the verdict."""
        if not self.answers:
            return {"judge": "none"}
        return {"judge": self.quality.fault or "trusted", "agreement": self.quality.agreement}


def _judge(evidence: Mapping[str, Mapping[str, Evidence]]) -> _Judge:
    named = {name: item for by_name in evidence.values() for name, item in by_name.items()}
    answers = {name: item.value for name, item in named.items()}
    models = tuple(sorted({item.model for item in named.values() if item.model}))
    return _Judge(answers, judge_quality(answers, VERSION, models))


@night_filter(
    "paraphrases",
    version=VERSION,
    options=ParaphraseOptions,
    asks=Asks(
        questions,
        read,
        makes=frozenset({"sft", "preference", "prompt", "stepwise"}),
        per_row=6,
        max_tokens=lambda options: options.max_tokens,
    ),
)
def paraphrases(rows: Sequence[Row], context: Context, options: ParaphraseOptions) -> Mapping[str, Finding]:
    """The row's problem is no benchmark item, older problem or problem before it in other words, as a trusted judge says."""
    findings: dict[str, Finding] = {}
    asked, pairs = _near(rows, context.problems, context.eligible, context, options)
    judge = _judge(context.evidence_of("paraphrases"))
    by_question: dict[int, list[Pair]] = {}
    for pair in pairs:
        by_question.setdefault(pair.question, []).append(pair)
    dropped: set[int] = set()
    for number, question in enumerate(asked):
        standing = [pair for pair in by_question.get(number, ()) if pair.earlier not in dropped]
        finding = _finding(question, standing, judge, options)
        if finding.outcome == "fail":
            dropped.add(number)
        findings |= {row.sample_id: finding for row in question.rows}
    return pass_but(ids_of(rows), findings)


def _finding(question: RowQuestion, pairs: Sequence[Pair], judge: _Judge, options: ParaphraseOptions) -> Finding:
    undecided: Pair | None = None
    for pair in pairs:
        says = judge.says(question.text, pair.other)
        if says:
            return fail("paraphrase", **_detail(question, pair), **judge.detail())
        if says is None and undecided is None:
            undecided = pair
    if undecided is not None and options.distance_alone == "fail":
        return fail("near_problem", **_detail(question, undecided), **judge.detail())
    if not pairs:
        return PASS
    nearest = undecided or pairs[0]
    told = {**nearest.source, "similarity": nearest.similarity}
    return Finding("pass", detail={"near": told, "decided": undecided is None, **judge.detail()})


def _detail(question: RowQuestion, pair: Pair) -> dict[str, Any]:
    return {**pair.source, "similarity": pair.similarity, "text": question.text, "other": pair.other}
