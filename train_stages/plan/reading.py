"""What a step of a plan reads: rows of the release, problems and corpora, made into the rows of its stage, and accounted for."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from filters.night.benchmark_screening import Screening
from filters.pass_rate import PassRate
from storage.errors import ProblemError, TrainingError
from storage.ids import digest
from storage.lake.lake import Lake
from storage.releases.reading import Release
from storage.releases.selection import Selection, select_problems, select_rows
from synth.problems.base import Problem
from synth.problems.mapping import clean
from synth.problems.rows import FileRows, HubRows
from synth.sample import problem_of
from train_stages.plan.steps import Corpus, Step
from train_stages.stages.base import CORPUS, Material, Messages

STAGE_ROWS = pa.schema([("sample_id", pa.string()), ("problem_id", pa.string()), ("part", pa.string())])
"""Columns of what a stage read by id, as the lake's `stage_rows` without the checkpoint."""


Rates = Callable[[Sequence[Problem]], Mapping[str, PassRate]]
"""Pass rates of a checkpoint at problems, by problem id, as far as they are known."""


@dataclass(frozen=True)
class Reading:
    """The rows of a step, and where each comes from.

    Attributes:
        rows: The rows that its stage learns from.
        digest: Digest of them, of what is measured anew each time aside, and of the files that its settings name.
        samples: Ids of the samples behind them, and of their problems: columns `sample_id` and `problem_id`.
        corpora: Each corpus: its source, where it lies, how many texts, how many were left out for a benchmark item, a digest.
    """

    rows: pa.Table
    digest: str
    samples: pa.Table
    corpora: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Reader:
    """Reads for the steps of one training.

    Attributes:
        lake: The lake.
        release: The release.
        messages: Renders a problem as a model is asked it.
        screening: Makes what looks for benchmark items in problems and texts that no filter has judged.
        resolve: Turns a path as the recipe writes it into a path.
    """

    lake: Lake
    release: Release
    messages: Callable[[Problem], Messages]
    screening: Callable[[], Screening]
    resolve: Callable[[str], Path]

    def read(self, step: Step, rates: Rates | None = None) -> Reading:
        """Read what a step reads.

        Args:
            step: The step.
            rates: Returns the pass rates of the checkpoint that it starts from; None when it is not known yet.

        Raises:
            TrainingError: There is nothing for it to learn from, or a corpus cannot be read.
            LakeError: Its condition cannot be used, or a file of the release is damaged.
        """
        corpora, corpus = self._corpora(step)
        if step.stage.asks:
            problems, samples = self._problems(step)
            table = samples.slice(0, 0)
        else:
            problems, table = [], self._rows(step)
            samples = table.select(["sample_id", "problem_id"])
        origin = f"{step.name} ({step.source}) of {self.release.id}"
        material = Material(origin, table, problems, self.messages, corpus, rates(problems) if rates else {})
        config = step.config
        rows = step.stage.rows(material, config)
        files = [hashlib.sha256(path.read_bytes()).hexdigest() for path in step.stage.files(config) if path.is_file()]
        content = table_digest(rows.drop_columns([name for name in step.stage.measured if name in rows.column_names]))
        return Reading(rows, digest("reading", content, files), samples, corpora)

    def _rows(self, step: Step) -> pa.Table:
        if not step.rows:
            return self._empty
        return select_rows(self.release, step.selection)

    @cached_property
    def _empty(self) -> pa.Table:
        return select_rows(self.release, Selection(methods=()))

    def _problems(self, step: Step) -> tuple[list[Problem], pa.Table]:
        """Return the problems in order of their ids, and the samples that they were taken from."""
        chosen = step.selection
        if step.drawn:
            drawn = select_problems(self.lake, chosen, int(self.release.manifest["at_seq"]))
            problems = self.screening().clean_problems([problem_of(row) for row in drawn])
            samples = self._empty.select(["sample_id", "problem_id"])
        else:
            rows = select_rows(self.release, Selection(chosen.where, chosen.methods, chosen.tasks))
            problems, samples = _behind(rows), rows.select(["sample_id", "problem_id"])
        ids = chosen.choose(problem.id for problem in problems)
        kept = set(ids)
        samples = samples.filter(pc.is_in(samples["problem_id"], pa.array(ids, pa.string())))
        return [problem for problem in problems if problem.id in kept], samples

    def _corpora(self, step: Step) -> tuple[list[dict[str, Any]], pa.Table]:
        facts, tables = [], [CORPUS.empty_table()]
        for position, corpus in enumerate(step.corpora):
            texts = read_corpus(corpus, self.resolve, f"{step.key}.corpus.{position}")
            kept = self.screening().clean_texts(texts)
            if not kept:
                raise TrainingError(
                    f"{step.key}.corpus.{position}: every text of {corpus.source} holds a benchmark item"
                )
            content = digest("corpus", kept)
            table = {
                "id": [f"{corpus.source} {content[:12]} {number}" for number in range(len(kept))],
                "source": [corpus.source] * len(kept),
                "text": kept,
            }
            tables.append(pa.table(table, schema=CORPUS))
            facts.append(
                {
                    "source": corpus.source,
                    "place": corpus.path or corpus.hub,
                    "texts": len(kept),
                    "left_out": len(texts) - len(kept),
                    "digest": content,
                }
            )
        return facts, pa.concat_tables(tables)


def read_corpus(corpus: Corpus, resolve: Callable[[str], Path], key: str) -> list[str]:
    """Return the texts of a corpus.

    Raises:
        TrainingError: It cannot be read, has no such column, or no text.
    """
    rows: Iterable[tuple[int, Any]]
    if corpus.path is not None:
        rows = FileRows(resolve(corpus.path))
    else:
        rows = HubRows(str(corpus.hub), config=corpus.config, split=corpus.split, revision=corpus.revision)
    texts: list[str] = []
    try:
        for number, row in rows:
            if corpus.limit is not None and len(texts) == corpus.limit:
                break
            if not isinstance(row, Mapping) or not isinstance(row.get(corpus.column), str):
                columns = ", ".join(sorted(row)) if isinstance(row, Mapping) else "none"
                raise TrainingError(
                    f"{key}.column = {corpus.column!r}: row {number} has no such text; it has {columns}"
                )
            if row[corpus.column].strip():
                texts.append(clean(row[corpus.column]))
    except ProblemError as error:
        raise TrainingError(f"{key}: {error}") from None
    if not texts:
        raise TrainingError(f"{key}: {corpus.path or corpus.hub} holds no text")
    return texts


def _behind(rows: pa.Table) -> list[Problem]:
    """Return the distinct problems behind rows of a release, in order of their ids."""
    columns = [
        "problem_id",
        "task",
        "source",
        "tier",
        "prompt",
        "gold",
        "license",
        "structure",
        "solution",
        "problem_attrs",
    ]
    problems: dict[str, Problem] = {}
    for row in rows.select(columns).sort_by("problem_id").to_pylist():
        if row["gold"] and row["problem_id"] not in problems:  # what nobody can check earns no reward
            problems[row["problem_id"]] = problem_of({**row, "attrs": row["problem_attrs"]})
    return list(problems.values())


def table_digest(table: pa.Table) -> str:
    """Return a digest of what a table holds, column by column."""
    sink = _Hashing()
    with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), table.schema.remove_metadata()) as stream:
        for batch in table.replace_schema_metadata().combine_chunks().to_batches():
            stream.write_batch(batch)
    return sink.sha256.hexdigest()


class _Hashing:
    """A file that is only hashed."""

    closed = False

    def __init__(self) -> None:
        self.sha256 = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.sha256.update(data)
        return len(data)

    def flush(self) -> None:
        return

    def close(self) -> None:
        self.closed = True


def read_by(step: Step, reading: Reading, out: Path) -> pa.Table:
    """Return what a stage really read by id: the rows that training went through, where its checkpoint says which.

    Args:
        step: The step.
        reading: What it was given.
        out: Folder of its checkpoint.

    Returns:
        A table of `STAGE_ROWS`.

    Raises:
        TrainingError: Training says that it went through rows that it was not given.
    """
    part = "problem" if step.stage.asks else "row"
    rows = _visited(step, reading, out)
    if step.drawn:
        problems = pc.unique(rows["id"])
        none = pa.nulls(len(problems), pa.string())
        return pa.table([none, problems, pa.array([part] * len(problems), pa.string())], schema=STAGE_ROWS)
    if step.stage.asks:
        kept = reading.samples.filter(pc.is_in(reading.samples["problem_id"], pc.unique(rows["id"]).cast(pa.string())))
    else:
        names = pc.list_flatten(rows["sample_ids"]) if "sample_ids" in rows.column_names else rows["id"]
        kept = reading.samples.filter(pc.is_in(reading.samples["sample_id"], pc.unique(names).cast(pa.string())))
    column = pa.array([part] * kept.num_rows, pa.string())
    return pa.table([kept["sample_id"], kept["problem_id"], column], schema=STAGE_ROWS)


def _visited(step: Step, reading: Reading, out: Path) -> pa.Table:
    """Return the rows that training went through, all of them where its checkpoint does not say."""
    if step.stage.visits is None or not (out / step.stage.visits[0]).is_file():
        return reading.rows
    name, column = step.stage.visits
    visited = pc.unique(pq.read_table(out / name, columns=[column])[column]).cast(pa.string())
    ids = reading.rows["id"].cast(pa.string())
    strange = visited.filter(pc.invert(pc.is_in(visited, pc.unique(ids))))
    if len(strange) and not step.stage.files(step.config):  # rows of such a file have ids of their own
        raise TrainingError(
            f"{step.name}: {name} in {out} says that training went through {len(strange)} rows that it was not given "
            f"({strange[0].as_py()!r}), so what it learned from cannot be entered into the lake: the column `{column}` must "
            f"hold the `id` of the stage's rows"
        )
    return reading.rows.filter(pc.is_in(ids, visited))
