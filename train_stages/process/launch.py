"""Start a stage as a process, follow it, and make sure that it ends with us."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from storage import errors
from storage.errors import NightschoolError, TrainingError
from synth.engines.processes import end_group
from train_stages.process.job import EVENTS, Job

CONFIGURATIONS = Path(__file__).parent.parent / "accelerate"
PATIENCE_S = 10.0


def launch(
    stage: str,
    job: Job,
    report: Callable[[str, int, int], None],
    *,
    accelerate: str | None = None,
    processes: int | None = None,
) -> None:
    """Run a stage in a process of its own until its checkpoint is there.

    What it writes to standard error is kept beside the output, in `.<name>.log`, until it ends well.

    Args:
        stage: Name of the stage.
        job: What it is to do.
        report: Told of its progress.
        accelerate: Start it through `accelerate launch`, see `command`.
        processes: How many processes train together, see `command`.

    Raises:
        NightschoolError: What the stage said, as it said it.
        TrainingError: It was killed, or ended without a word.
    """
    job.out.parent.mkdir(parents=True, exist_ok=True)
    config = job.out.with_name(f".{job.out.name}.job.json")
    log = job.out.with_name(f".{job.out.name}.log")
    config.write_text(job.model_dump_json(indent=1), encoding="utf-8")
    environment = {**os.environ, EVENTS: "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    failure: NightschoolError | None = None
    last_step = 0
    with log.open("wb") as errors_file:
        process = subprocess.Popen(  # noqa: S603 - our own module
            command(stage, config, accelerate, processes),
            stdin=subprocess.PIPE,  # held open: the stage ends when it closes, even if we are killed
            stdout=subprocess.PIPE,
            stderr=errors_file,
            env=environment,
            start_new_session=True,
        )
        try:
            assert process.stdout is not None
            for line in process.stdout:
                event = _event(line)
                if "step" in event:
                    last_step = event["step"]
                    report(stage, last_step, event["steps"])
                elif "error" in event:
                    failure = _failure(event)
            status = process.wait()
        finally:
            end_group(process.pid, PATIENCE_S, process)
    if failure is not None:
        raise failure
    if status != 0 or not job.out.is_dir():
        raise TrainingError(_sentence(stage, status, last_step, log))
    config.unlink(missing_ok=True)
    log.unlink(missing_ok=True)


def command(stage: str, config: Path, accelerate: str | None = None, processes: int | None = None) -> list[str]:
    """The command that runs a stage.

    Args:
        stage: Name of the stage.
        config: The job file.
        accelerate: Name of a configuration in `train_stages/accelerate/`, or a path; None starts one plain process.
        processes: How many on this machine; None is one for each GPU, and with a file of one's own what the file says.

    Raises:
        TrainingError: There is no such configuration, or DeepSpeed is asked for and not installed.
    """
    module = ["-m", "train_stages.stages", stage, "--config", str(config)]
    if accelerate is None:
        return [sys.executable, *module]
    named = CONFIGURATIONS / f"{accelerate}.yaml"
    path = named if named.exists() else Path(accelerate)
    if not path.is_file():
        names = ", ".join(sorted(file.stem for file in CONFIGURATIONS.glob("*.yaml")))
        raise TrainingError(f"accelerate = {accelerate!r} is neither one of {names} nor a file")
    if "DEEPSPEED" in path.read_text(encoding="utf-8") and shutil.which("deepspeed") is None:
        raise TrainingError(f"accelerate = {accelerate!r} needs DeepSpeed: pip install deepspeed")
    if processes is None and path == named:
        processes = max(1, _gpus())
    count = [] if processes is None else ["--num_processes", str(processes)]
    return [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(path), *count, *module]


def _gpus() -> int:
    import torch

    return torch.cuda.device_count()


def _event(line: bytes) -> dict[str, Any]:
    """Read a line of progress; whatever else a library prints is none."""
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) and "stage" in event else {}


def _failure(event: dict[str, Any]) -> NightschoolError:
    kind = getattr(errors, str(event["error"]), TrainingError)
    ours = isinstance(kind, type) and issubclass(kind, NightschoolError)
    return (kind if ours else TrainingError)(str(event.get("message", "")))


def _sentence(stage: str, status: int, step: int, log: Path) -> str:
    """Say how a stage ended that did not say so itself."""
    how_to_resume = "The same command goes on from its last state"
    if status == -signal.SIGKILL:
        return (
            f"{stage}: the process was killed after step {step}, as a system does when memory runs out: lower "
            f"micro_batch_tokens or set gradient_checkpointing: true. {how_to_resume}"
        )
    with log.open(encoding="utf-8", errors="replace") as file:
        last = " | ".join(line.strip() for line in deque(file, maxlen=3))
    return (
        f"{stage}: the process ended with status {status} after step {step} ({last[:500]}); see {log}. {how_to_resume}"
    )
