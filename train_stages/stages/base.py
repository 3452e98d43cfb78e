"""What a training stage is: its settings, the rows that it makes of a plan's material, its check and its run.

A file of a stage ends like this, and is then a stage for recipes, `preflight` and the command line alike:

    SFT = Stage("sft", summary="...", config=SftConfig, rows=chats, check=check_sft, run=run_sft)

    if __name__ == "__main__":
        main(SFT.name, SFT.run, SFT.check)
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from filters.pass_rate import PassRate
from storage.errors import TrainingError
from synth.problems.base import Problem
from train_stages.config import StageConfig
from train_stages.process.job import Job
from train_stages.process.stage import Progress, StageResult

Messages = list[dict[str, str]]


CORPUS = pa.schema([("id", pa.string()), ("source", pa.string()), ("text", pa.string())])
"""Columns of `Material.corpus`."""


@dataclass(frozen=True)
class Material:
    """What a plan hands to a stage, which makes its rows of it.

    Attributes:
        origin: Where it comes from, for sentences: `release demo@3`.
        samples: The selected rows of the release, with its columns.
        problems: The selected problems, in a stable order.
        messages: Renders a problem as a model is asked it.
        corpus: Texts beside the release: columns `id`, `source` and `text`; only where `Stage.reads_corpora` is true.
        rates: Pass rates of the checkpoint that the stage starts from, by problem id; only where `Stage.asks` is true.
    """

    origin: str
    samples: pa.Table
    problems: Sequence[Problem]
    messages: Callable[[Problem], Messages]
    corpus: pa.Table = field(default_factory=lambda: CORPUS.empty_table())
    rates: Mapping[str, PassRate] = field(default_factory=dict)


@dataclass(frozen=True)
class Stage:
    """A training stage.

    Attributes:
        name: Name in recipes, `sft`; also the name of its file or entry point.
        summary: One line for people.
        config: Its settings.
        rows: Makes its rows of the material, given its settings: a table with a column `id`, the id of the sample, the problem
            or the text that the row is made of. A column `sample_ids` names every sample behind a row, where there are several.
            What is measured anew each time goes into the columns `measured`; they do not make it another stage.

            Raises TrainingError when there is nothing for it to learn from.
        check: Looks at a job in seconds on a CPU and returns figures for people; raises what would make it fail.
        run: Does the job.
        asks: It asks problems instead of reading answers: it is given pass rates, and its result is kept only when it is
            no worse than what it started from.
        reads_corpora: It can read plain texts beside the release.
        measured: Columns of its rows that say what was measured of them.
        visits: File beside the weights, and its column, with the `id` of every row that training really went through; None
            when it goes through all.
        files: Files that its settings name, whose content belongs to what it learns.
        reads: It learns from rows; else it is given none, and a plan that selects some is refused.
        models: Checkpoints that its settings name beside the one it starts from, written as `from` is; they come to it in
            `Job.models`.
        answers: Its checkpoint writes answers: it can be what a later stage starts from unless it says otherwise, and a student.
    """

    name: str
    summary: str
    config: type[StageConfig]
    rows: Callable[[Material, Any], pa.Table]
    check: Callable[[Job], dict[str, Any]]
    run: Callable[[Job, Progress], StageResult]
    asks: bool = False
    reads_corpora: bool = False
    measured: tuple[str, ...] = ()
    visits: tuple[str, str] | None = None
    files: Callable[[Any], Sequence[Path]] = lambda config: ()
    reads: bool = True
    models: Callable[[Any], Sequence[str]] = lambda config: ()
    answers: bool = True


def described(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Return the columns `id`, `difficulty`, `subject` and `source` of rows of a release, which an order may depend on."""
    return pa.table(
        {
            "id": pa.array([row["sample_id"] for row in rows], pa.string()),
            "difficulty": pa.array([row["tier"] for row in rows], pa.float64()),
            "subject": pa.array([row["task"] for row in rows], pa.string()),
            "source": pa.array([row["source"] for row in rows], pa.string()),
        }
    )


@dataclass(frozen=True, slots=True)
class Described:
    """What an order may depend on, for each row that was handed in.

    Attributes:
        ids: Identity of each row.
        difficulty: Larger is harder; None takes the length in tokens.
        subjects: For `blocked` and `interleaved`; None means one subject.
        columns: Further columns, which the loss needs.
    """

    ids: Sequence[str]
    difficulty: Sequence[float] | None = None
    subjects: Sequence[str] | None = None
    columns: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: pa.Table, columns: Sequence[str] = ()) -> "Described":
        """Read the columns `id`, `difficulty` and `subject`, where they are there, and those that the loss needs.

        Raises:
            TrainingError: One that the loss needs is not there.
        """
        names = rows.column_names
        missing = [name for name in columns if name not in names]
        if missing:
            raise TrainingError(f"the loss needs a column {missing[0]} of numbers; the rows have {', '.join(names)}")
        return cls(
            [str(row_id) for row_id in rows["id"].to_pylist()]
            if "id" in names
            else [str(n) for n in range(rows.num_rows)],
            rows["difficulty"].to_pylist() if "difficulty" in names else None,
            rows["subject"].to_pylist() if "subject" in names else None,
            {name: [float(value) for value in rows[name].to_pylist()] for name in columns},
        )
