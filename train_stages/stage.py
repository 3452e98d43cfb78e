"""What the training stages have in common: loading, settings for the trainers, progress, and an output that is all or
nothing.

A stage works in `.<name>.partial` beside its output and renames that folder when everything is in it, the manifest
last. A killed stage therefore leaves no output, and the next try throws its leftovers away.
"""

import json
import math
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from storage.errors import CheckpointError, TrainingError
from train_stages.config import TrainConfig

Progress = Callable[[str, int, int], None]
"""Called with the stage's name, the steps done and the steps planned."""

MANIFEST = "training.json"


@dataclass(frozen=True, slots=True)
class StageResult:
    """What a stage made.

    Attributes:
        path: The checkpoint, an ordinary Hugging Face folder with `training.json` beside the weights.
        metrics: Final figures (`loss`, `steps`, `rows`, ...).
        tokens: Tokens that went through training, prompts included, padding not.
        cpu_seconds: CPU time of this process during the stage.
        history: The trainer's log, one entry every `log_every` steps.
    """

    path: Path
    metrics: dict[str, float]
    tokens: int
    cpu_seconds: float
    history: list[dict[str, float]] = field(default_factory=list)


@contextmanager
def output_folder(out: Path) -> Iterator[Path]:
    """Give a folder to work in, which becomes `out` when the block ends well.

    Raises:
        TrainingError: `out` exists already.
    """
    if out.exists():
        raise TrainingError(f"{out} exists already; a stage never writes over a checkpoint")
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.parent / f".{out.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        yield partial
        os.rename(partial, out)  # noqa: PTH104 - fails on a folder with content, unlike Path.replace on some systems
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def quiet() -> None:
    """Stop transformers and datasets from drawing progress bars: the stages report progress themselves."""
    import datasets
    from transformers.utils import logging

    logging.disable_progress_bar()
    datasets.disable_progress_bars()


def on_gpu(config: TrainConfig) -> bool:
    """Whether the stage will run on a GPU."""
    import torch

    return config.device == "auto" and torch.cuda.is_available()


def load(parent: Path, config: TrainConfig) -> tuple[Any, Any]:
    """Load model and tokenizer of a checkpoint for training.

    Raises:
        CheckpointError: The folder holds no loadable model.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    quiet()
    gpu = on_gpu(config)
    if not gpu:
        torch.set_num_threads(config.threads)
    dtype = getattr(torch, config.weights) if gpu else torch.float32
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(parent), local_files_only=True)
        model = AutoModelForCausalLM.from_pretrained(str(parent), dtype=dtype, local_files_only=True)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{parent} cannot be loaded as a model: {error}") from error
    return model, tokenizer


def common_arguments(folder: Path, config: TrainConfig, *, steps: int, seed: int) -> dict[str, Any]:
    """Trainer arguments that every stage passes, for the device at hand."""
    from transformers import TrainingArguments

    gpu = on_gpu(config)
    # transformers 5.2x renamed the setting; TRL turns it on unless told otherwise.
    renamed = "activation_checkpointing" in TrainingArguments.__dataclass_fields__
    checkpointing = "activation_checkpointing" if renamed else "gradient_checkpointing"
    return {
        "output_dir": str(folder / "trainer"),
        "max_steps": steps,
        "seed": seed,
        "data_seed": seed,
        "learning_rate": config.learning_rate,
        "weight_decay": config.weight_decay,
        "max_grad_norm": config.max_grad_norm,
        "warmup_steps": math.ceil(config.warmup * steps),
        "lr_scheduler_type": "warmup_stable_decay",
        "lr_scheduler_kwargs": {"num_decay_steps": round(config.decay * steps), "decay_type": "linear"},
        checkpointing: config.gradient_checkpointing and gpu,
        "bf16": gpu,
        "use_cpu": not gpu,
        "dataloader_pin_memory": gpu,
        "logging_steps": config.log_every,
        "logging_nan_inf_filter": False,
        "report_to": "none",
        "disable_tqdm": True,
        "save_strategy": "no",
    }


def optimisers(model: Any, config: TrainConfig) -> tuple[Any, None]:
    """The `optimizers` argument of a trainer; with `adamw` the trainer makes its own."""
    if config.optimiser == "adamw":
        return None, None
    from train_stages.optimiser import MuonWithAdamW

    optimiser = MuonWithAdamW(
        model, lr=config.learning_rate, adamw_lr=config.adamw_learning_rate, weight_decay=config.weight_decay
    )
    return optimiser, None


def callbacks(stage: str, progress: Progress | None) -> list[Any]:
    """The trainer callback that passes progress on; it also stops a run whose loss is no longer a number."""
    from transformers import TrainerCallback

    class Report(TrainerCallback):  # type: ignore[misc, unused-ignore]
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if progress is not None:
                progress(stage, state.global_step, state.max_steps)

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
            loss = (logs or {}).get("loss")
            if loss is not None and not math.isfinite(float(loss)):
                raise TrainingError(f"{stage}: the loss is {loss} at step {state.global_step}; lower learning_rate")

    return [Report()]


def run(
    trainer: Any,
    folder: Path,
    out: Path,
    *,
    stage: str,
    parent: Path,
    config: TrainConfig,
    tokens: int,
    facts: dict[str, float],
) -> StageResult:
    """Train, and write the checkpoint and its manifest into `folder`, which will become `out`.

    Args:
        trainer: A trainer that is ready to train.
        folder: The folder to write into.
        out: Where it will be in the end.
        stage: Name of the stage.
        parent: The checkpoint it started from.
        config: Settings, written into the manifest.
        tokens: Tokens that will be trained on; 0 takes the trainer's own count.
        facts: Further figures for the metrics.
    """
    started = time.process_time()
    _remove_printer(trainer)
    trainer.train()
    history = [
        {k: float(v) for k, v in entry.items() if isinstance(v, int | float)} for entry in trainer.state.log_history
    ]
    cpu = time.process_time() - started
    trainer.save_model(str(folder))
    shutil.rmtree(folder / "trainer", ignore_errors=True)
    (folder / "training_args.bin").unlink(missing_ok=True)  # a pickle: nobody should have to trust it
    metrics = {"steps": float(trainer.state.global_step), "cpu_seconds": cpu, **facts}
    for name in ("loss", "reward"):
        logged = [entry[name] for entry in history if name in entry]
        if logged:
            metrics |= {f"first_{name}": logged[0], name: logged[-1]}
    seen = tokens or round(max((entry.get("num_tokens", 0.0) for entry in history), default=0.0))
    manifest = {
        "stage": stage,
        "parent": parent.name,
        "config": config.model_dump(mode="json"),
        "metrics": metrics,
        "tokens": seen,
        "history": history,
    }
    with (folder / MANIFEST).open("w", encoding="utf-8") as file:
        json.dump(manifest, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    return StageResult(out, metrics, seen, cpu, history)


def _numbers(entry: dict[str, Any]) -> dict[str, float]:
    return {key: float(value) for key, value in entry.items() if isinstance(value, int | float)}


def _remove_printer(trainer: Any) -> None:
    """Without a progress bar the trainer prints every log entry; the history keeps them already."""
    from transformers.trainer_callback import PrinterCallback

    trainer.remove_callback(PrinterCallback)
