"""A stage as a process of its own: `python -m train_stages.stages.sft --config job.json`.

The job file (JSON or YAML) names the checkpoint to start from, the rows, the output, and the options of the stage:

    {"parent": "checkpoints/base", "rows": "rows.parquet", "out": "checkpoints/mine", "seed": 0, "options": {"epochs": 2}}

Relative paths start at the file's folder. Rows are Parquet or JSONL. `--preflight` checks and trains nothing.
"""

import argparse
import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from storage.errors import NightschoolError, TrainingError
from train_stages.process.stage import Progress, StageResult

EVENTS = "NIGHTSCHOOL_STAGE_EVENTS"
"""Set by whoever reads our progress as JSON lines and holds our standard input open: when it closes, we end."""


class Job(BaseModel):
    """What a stage is to do."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    parent: Path = Field(description="The checkpoint to start from, a Hugging Face folder.")
    rows: Path = Field(description="What it learns from, Parquet or JSONL.")
    out: Path = Field(description="Where the new checkpoint goes; it must not exist.")
    options: dict[str, Any] = Field(default_factory=dict, description="Options of the stage.")
    seed: int = Field(default=0, ge=0)
    models: dict[str, Path] = Field(
        default_factory=dict, description="Folders of the further checkpoints that the options name, by that name."
    )
    name: str = Field(default="", description="How errors name the options; empty takes the stage's name.")


Stage = Callable[[Job, Progress], StageResult]
Preflight = Callable[[Job], dict[str, Any]]


def read_job(path: Path) -> Job:
    """Read a job file.

    Raises:
        TrainingError: It is missing, or a key cannot be used.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        job = Job.model_validate(content)
    except FileNotFoundError:
        raise TrainingError(f"job file {path} does not exist") from None
    except yaml.YAMLError as error:
        raise TrainingError(f"job file {path} is neither JSON nor YAML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise TrainingError(f"job file {path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    folder = path.parent.resolve()
    places = {name: folder / getattr(job, name) for name in ("parent", "rows", "out")}
    models = {name: folder / path for name, path in job.models.items()}
    return job.model_copy(update={**places, "models": models})


def read_rows(path: Path) -> Any:
    """Read rows as an Arrow table.

    Raises:
        TrainingError: The file is missing or damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if path.suffix == ".jsonl":
            with path.open(encoding="utf-8") as file:
                return pa.Table.from_pylist([json.loads(line) for line in file if line.strip()])
        return pq.read_table(path)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise TrainingError(f"rows {path} cannot be read: {error}") from None


def main(stage: str, run: Stage, preflight: Preflight) -> None:
    """The command line of a stage: exit status 0 when the checkpoint is there, 1 with a sentence when it is not."""
    parser = argparse.ArgumentParser(prog=f"python -m train_stages.stages.{stage}", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--config", type=Path, required=True, help="the job file")
    parser.add_argument("--preflight", action="store_true", help="check everything on a CPU in seconds, train nothing")
    arguments = parser.parse_args()
    events = _Events(stage)
    if events.machine:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        job = read_job(arguments.config)
        if arguments.preflight:
            events.tell(preflight=preflight(job))
            return
        result = run(job, events.progress)
        events.tell(result={"path": str(result.path), "tokens": result.tokens, "metrics": result.metrics})
    except NightschoolError as error:
        events.tell(error=type(error).__name__, message=str(error))
        sys.exit(1)


class _Events:
    """What a stage says on standard output: JSON lines for a program, sentences for people. Only the first process does."""

    def __init__(self, stage: str) -> None:
        self.machine = EVENTS in os.environ
        self._stage = stage
        self._silent = int(os.environ.get("RANK", "0")) != 0
        self._shown = -1

    def progress(self, stage: str, done: int, total: int) -> None:
        if self.machine:
            self.tell(step=done, steps=total)
        elif done * 20 // total != self._shown:
            self._shown = done * 20 // total
            self._write(f"{stage}: step {done} of {total}")

    def tell(self, **event: Any) -> None:
        if self.machine:
            self._write(json.dumps({"stage": self._stage, **event}))
        elif "error" in event:
            print(f"error: {event['message']}", file=sys.stderr)  # noqa: T201 - a command line of its own
        else:
            self._write(json.dumps(event.get("preflight") or event.get("result"), indent=1, ensure_ascii=False))

    def _write(self, text: str) -> None:
        if not self._silent:
            print(text, flush=True)  # noqa: T201 - a command line of its own


def _end_with_parent() -> None:
    """End at once when whoever started us is gone, however it went: the kernel then closes our standard input."""
    while os.read(0, 4096):
        pass
    os._exit(70)
