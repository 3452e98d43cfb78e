"""Learn to pose problems: the answer is given, and the problem is learned."""

import pyarrow as pa

from storage.errors import TrainingError
from synth.sample import problem_of
from train_stages.config import SftConfig, read_config
from train_stages.process.job import Job, read_rows
from train_stages.process.stage import Progress, StageResult
from train_stages.stages.base import Material, Stage
from train_stages.stages.sft import check_sft, sft


class AskConfig(SftConfig):
    """Settings of fine-tuning."""


def questions(material: Material, config: AskConfig) -> pa.Table:
    """Return a chat for each problem, in which the model is told an answer and poses the problem."""
    rows = {row["problem_id"]: row for row in material.samples.to_pylist()}
    problems = [problem_of({**row, "attrs": row["problem_attrs"]}) for row in rows.values()]
    if not problems:
        raise TrainingError(f"example_ask: {material.origin} has no problems for it")
    asked = "Pose a problem whose answer is "
    chats = [
        [{"role": "user", "content": f"{asked}{p.gold}."}, {"role": "assistant", "content": p.prompt}] for p in problems
    ]
    ids = [problem.id for problem in problems]
    return pa.table({"id": pa.array(ids, pa.string()), "messages": pa.array(chats)})


def run(job: Job, progress: Progress) -> StageResult:
    """Do a job."""
    config = read_config(AskConfig, job.options, job.name or "example_ask")
    return sft(job.parent, read_rows(job.rows), job.out, config, seed=job.seed, progress=progress)


ASK = Stage(
    "example_ask",
    summary="learn to pose problems",
    config=AskConfig,
    rows=questions,
    check=check_sft,
    run=run,
)
